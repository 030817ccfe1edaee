"""Show the labels of a camera in Home Assistant.

python home_assistant.py [BROKER[:PORT] [SOURCE]]; the broker is localhost by default.
Home Assistant finds the sensor by MQTT discovery. `fashion-edge --mqtt` does the same, with more sensors.
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
    "json_attributes_topic": STATE,
    "availability_topic": ONLINE,
    "device": {"identifiers": ["wardrobe"], "name": "Wardrobe camera"},
}

host, _, port = (sys.argv[1] if len(sys.argv) > 1 else "localhost").partition(":")
client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
client.will_set(ONLINE, "offline", retain=True)
client.connect(host, int(port or 1883))
client.loop_start()  # a thread that keeps the connection alive
client.publish("homeassistant/sensor/wardrobe/config", json.dumps(SENSOR), retain=True)
client.publish(ONLINE, "online", retain=True)
shown, source = "", sys.argv[2] if len(sys.argv) > 2 else 0
with suppress(KeyboardInterrupt), Classifier.load().stream(source) as results:  # Ctrl-C ends the loop
    for result in results:
        if result.text != shown:
            shown = result.text
            client.publish(STATE, json.dumps({"text": shown, **result.decision.by_group}), retain=True)
