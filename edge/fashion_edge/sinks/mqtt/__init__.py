"""`--mqtt`: decisions and availability for a broker, announced to Home Assistant."""

from fashion_edge.sinks.mqtt.broker import Broker
from fashion_edge.sinks.mqtt.sink import MqttSink

__all__ = ["Broker", "MqttSink"]
