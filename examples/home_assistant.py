"""Show the labels of a camera in Home Assistant.

python home_assistant.py [BROKER[:PORT] [SOURCE]], by default localhost and camera 0; Home Assistant finds the sensor by
MQTT discovery. `fashion-edge --mqtt` does the same, with more sensors.
"""

import json
import sys
from contextlib import suppress

import paho.mqtt.client as mqtt

from fashion_edge import Classifier

STATE, ONLINE = "wardrobe/state", "wardrobe/online"
SENSOR = {
    "name": "Garment",
    "unique_id": "wardrobe_garment",
    "state_topic": STATE,
    "value_template": "{{ value_json.text }}",
    "availability_topic": ONLINE,
    "device": {"identifiers": ["wardrobe"], "name": "Wardrobe camera"},
}
host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "localhost").partition(":")
shown, source = "", sys.argv[2] if len(sys.argv) > 2 else 0
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.will_set(ONLINE, "offline", retain=True)
try:
    client.connect(host, int(port or 1883))
    client.loop_start()  # a thread that keeps the connection alive
    with suppress(KeyboardInterrupt), Classifier.load().stream(source) as results:  # Ctrl-C ends the loop
        client.publish("homeassistant/sensor/wardrobe/config", json.dumps(SENSOR), retain=True)
        client.publish(ONLINE, "online", retain=True)
        for result in results:
            if (text := result.text[:255]) != shown:  # a state of Home Assistant is not longer
                shown = text
                client.publish(STATE, json.dumps({"text": text, **result.decision.by_group}), retain=True)
except (OSError, ValueError) as error:  # no camera, no broker, or no such port
    sys.exit(f"home_assistant.py: {error}")
