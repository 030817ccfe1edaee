"""The outputs of a run that others reach over the network."""

from collections.abc import Iterator

from fashion_edge.decide import LabelSpace
from fashion_edge.request import Request
from fashion_edge.sinks.base import Sink
from fashion_edge.sources import Source


def network_sinks(request: Request, space: LabelSpace, source: Source) -> Iterator[Sink]:
    """What `--serve` and `--mqtt` ask for; each is made when the one before it is in use.

    Raises:
        UsageError: an address that is none, a port that is taken, a password that cannot be read.
        MissingExtraError: the MQTT client is not installed.
    """
    if request.serve is not None:
        from fashion_edge.sinks.web import Address, WebSink

        yield WebSink(Address.parse(request.serve), space, source.name, source.describe())
    if request.mqtt is not None:
        from fashion_edge.sinks.mqtt import Broker, MqttSink

        broker = Broker.parse(
            request.mqtt, user=request.mqtt_user, password_file=request.mqtt_password_file, tls=request.mqtt_tls
        )
        yield MqttSink(broker, space, name=request.mqtt_name)
