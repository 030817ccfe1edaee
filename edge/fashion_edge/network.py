"""The outputs of a run that others reach over the network."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fashion_edge.decide import LabelSpace
from fashion_edge.request import Request
from fashion_edge.sinks.base import Sink
from fashion_edge.sources import Source

if TYPE_CHECKING:
    from fashion_edge.sinks.mqtt import Broker
    from fashion_edge.sinks.web import Address, Origin


def network_sinks(request: Request, space: LabelSpace, source: Source) -> Iterator[Sink]:
    """What `--serve` and `--mqtt` ask for; each is made when the one before it is in use.

    Raises:
        UsageError: an address that is none, a port that is taken, a password that cannot be read.
        MissingExtraError: the MQTT client is not installed.
    """
    if (address := find_address(request)) is not None:
        from fashion_edge.sinks.web import WebSink

        yield WebSink(address, space, source.name, source.describe(), origins=find_origins(request))
    if (broker := find_broker(request)) is not None:
        from fashion_edge.sinks.mqtt import MqttSink

        yield MqttSink(broker, space, name=request.mqtt_name)


def find_address(request: Request) -> "Address | None":
    """Where `--serve` listens; nothing is opened.

    Raises:
        UsageError: an address that is none.
    """
    if request.serve is None:
        return None
    from fashion_edge.sinks.web import Address

    return Address.parse(request.serve)


def find_origins(request: Request) -> "tuple[Origin, ...]":
    """Where else the page of `--serve` is opened.

    Raises:
        UsageError: one that is none.
    """
    from fashion_edge.sinks.web import Origin

    return tuple(map(Origin.parse, request.serve_origin))


def find_broker(request: Request) -> "Broker | None":
    """Whom `--mqtt` means; nothing is sent.

    Raises:
        UsageError: an address that is none, a password that cannot be read.
    """
    if request.mqtt is None:
        return None
    from fashion_edge.sinks.mqtt import Broker

    return Broker.parse(
        request.mqtt, user=request.mqtt_user, password_file=request.mqtt_password_file, tls=request.mqtt_tls
    )
