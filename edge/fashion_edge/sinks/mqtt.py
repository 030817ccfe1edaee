"""`--mqtt`: publishes decisions as retained messages, with a last will and Home Assistant's discovery.

Discovery follows home-assistant.io/integrations/mqtt: one retained configuration message per entity.
"""

import hashlib
import os
import re
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fashion_edge
from fashion_edge.bundle import is_plain
from fashion_edge.decide import NOTHING, LabelSpace
from fashion_edge.errors import MissingExtraError, UsageError, brief
from fashion_edge.frame import Event, Tick
from fashion_edge.redact import redact
from fashion_edge.result import Result, Vitals, WallClock
from fashion_edge.sinks.base import Sink
from fashion_edge.typed_json import encode_json

VARIABLE = "FASHION_EDGE_MQTT_PASSWORD"
PORT, TLS_PORT = 1883, 8883
ONLINE, OFFLINE = "online", "offline"
DISCOVERY = "homeassistant"
KEEP_ALIVE_S = 20  # after half as much again without a packet, the broker publishes our last will
VITALS_EVERY_S = 10.0
RETRY_S = (1, 30)  # backoff: the first and the longest pause between two attempts
GOODBYE_S = 2.0
ANSWER_S = 5.0  # how long a short run waits for the first connection
STALE_S = 10.0  # without a result, as of a model that gives NaN: the last decision must not look current
SOON_S = 5.0  # connections that end sooner, again and again, have a second device with the same client id
AT_MOST_ONCE, AT_LEAST_ONCE = 0, 1
MAX_STATE = 255  # characters of a state in Home Assistant; a longer one becomes "unknown"


@dataclass(frozen=True)
class Broker:
    """Address and credentials of the MQTT broker."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: bool = False

    @classmethod
    def parse(
        cls,
        text: str,
        *,
        user: str | None = None,
        password_file: Path | None = None,
        tls: bool = False,
        environ: Mapping[str, str] = os.environ,
    ) -> "Broker":
        """Read `HOST` or `HOST:PORT`; the password from a file, else from the environment."""
        try:
            parts = urlsplit(f"//{text.removeprefix('mqtt://')}")
            host, port = parts.hostname, (TLS_PORT if tls else PORT) if parts.port is None else parts.port
            (host or "").encode("idna")  # refuses an empty or overlong part, as in a..b
        except ValueError:
            host, port = None, 0
        if "@" in text:
            raise UsageError(f"--mqtt takes HOST[:PORT] only; give --mqtt-user, and the password in {VARIABLE}")
        if not host or port == 0 or parts.path or parts.query:
            raise UsageError(f"--mqtt {redact(text)!r} is not HOST or HOST:PORT, such as homeassistant.local:1883")
        password = environ.get(VARIABLE) if password_file is None else _read_password(password_file)
        if password_file is not None and user is None:
            raise UsageError(f"--mqtt-password-file {password_file} needs --mqtt-user, too")
        return cls(host, port, user, password if user is not None else None, tls)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _read_password(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # Windows editors write a byte order mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"--mqtt-password-file {path} cannot be read: {reason}") from error
    if not lines or not lines[0]:
        raise UsageError(f"--mqtt-password-file {path} has no password on its first line")
    return lines[0]


def _make_id(name: str) -> str:
    """Lower-case ASCII letters, digits and `_`; a name with other letters gets a hash, so that two names differ."""
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    lost = any((letter.isalpha() or not plain) and not letter.isascii() for letter in name)
    return (plain or "device") + (f"_{hashlib.sha256(name.encode()).hexdigest()[:6]}" if lost else "")


class Topics:
    """Topics of a device, below `fashion-edge/<id>`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.id = _make_id(name)
        self.root = f"fashion-edge/{self.id}"
        self.availability = f"{self.root}/availability"  # online or offline: the program is connected to the broker
        self.source = f"{self.root}/source"  # online or offline: the camera gives frames
        self.state = f"{self.root}/state"  # the decision, JSON
        self.vitals = f"{self.root}/vitals"  # rate and ages, JSON
        self.device = f"fashion_edge_{self.id}"  # in Home Assistant; part of each discovery topic

    def mine(self) -> list[str]:
        """Filters for all topics of this device."""
        return [f"{DISCOVERY}/+/{self.device}/+/config", f"{self.root}/#"]


def _state_payload(result: Result, wall: WallClock) -> str:
    text = _to_state(result.text)
    decided = {"text": text, "decision": dict(result.decision.by_group), "labels": result.labels}
    scores = {label: round(score, 3) for label, score in result.smoothed.items()}
    source = result.frame.source.encode(errors="replace").decode()  # a file name may be no valid UTF-8
    return _to_json({**decided, "scores": scores, "source": source, "at": wall.iso(result.frame.captured_at)})


def _to_state(text: str) -> str:
    """Text without control characters, as long as a state may be."""
    plain = "".join(character if is_plain(character) else " " for character in text)
    return plain if len(plain) <= MAX_STATE else f"{plain[: MAX_STATE - 1]}…"


def _vitals_payload(vitals: Vitals) -> str:
    return _to_json({name: round(value, 2) for name, value in vars(vitals).items()})


def _to_json(record: dict[str, Any] | str) -> str:
    return encode_json(record).decode()


def make_discovery(topics: Topics, space: LabelSpace, version: str) -> Iterator[tuple[str, str]]:
    """Topic and payload of each entity's configuration."""
    unique, software = topics.device, {"sw_version": version}
    model = {"manufacturer": "fashion-edge", "model": " ".join([*space.groups, "classifier"])}
    device = {"identifiers": [unique], "name": topics.name, **model, **software}
    common = {"device": device, "origin": {"name": "fashion-edge", **software}}
    entities: dict[str, dict[str, Any]] = {}
    for name, entity in _make_entities(topics, space):
        names = chain([name], (f"{name}_{number}" for number in count(2)))
        entities[next(free for free in names if free not in entities)] = entity
    for key, entity in entities.items():
        kind = "binary_sensor" if key == "source" else "sensor"
        yield (
            f"{DISCOVERY}/{kind}/{unique}/{key}/config",
            _to_json({**entity, **common, "unique_id": f"{unique}_{key}"}),
        )


def _make_entities(topics: Topics, space: LabelSpace) -> Iterator[tuple[str, dict[str, Any]]]:
    """Id and configuration of each entity; a group with the id of another entity comes later and gets a number."""
    running = [{"topic": topics.availability}]
    seeing = {"availability": [*running, {"topic": topics.source}], "availability_mode": "all"}
    decision = {"name": "Decision", "icon": "mdi:hanger", "value_template": "{{ value_json.text }}", **seeing}
    yield "decision", {**decision, "state_topic": topics.state, "json_attributes_topic": topics.state}
    camera = {"name": "Camera", "device_class": "connectivity", "entity_category": "diagnostic"}
    payloads = {"state_topic": topics.source, "payload_on": ONLINE, "payload_off": OFFLINE}
    yield "source", {**camera, **payloads, "availability": running}
    for key, name, unit in (("age_p99_ms", "Label age p99", "ms"), ("fps", "Rate", "frames/s")):
        figure = {"name": name, "state_class": "measurement", "unit_of_measurement": unit, **seeing}
        places = {"entity_category": "diagnostic", "state_topic": topics.vitals}
        yield key, {**figure, **places, "value_template": f"{{{{ value_json.{key} }}}}"}
    for group, members in space.groups.items():
        key = _to_json(group)  # templates do not join \ud83d\udc57 to one character
        template = f"{{{{ value_json.decision[{key}] or {_to_json(NOTHING)} }}}}"
        states = [label.strip() for label in (*members, NOTHING)]  # as Home Assistant strips what a template gives
        options = {"device_class": "enum", "options": states, "value_template": template}
        yield _make_id(group), {"name": group.capitalize(), "state_topic": topics.state, **options, **seeing}


class MqttSink(Sink):
    """Publishes each change of the decision, retained. The client has its own thread; the loop never waits for it.

    While the broker is away nothing is queued; after a reconnect the current state is published. So everything is sent
    at most once: the client would repeat what a dying link lost after `_on_connect` has published the current state.

    Retained messages outlive the bundle whose groups they are about, so those below this device's own topics that it no
    longer serves are cleared, which removes the entity in Home Assistant.
    """

    def __init__(
        self,
        broker: Broker,
        space: LabelSpace,
        *,
        name: str | None = None,
        make_client: Callable[[str], Any] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = f"--mqtt {broker}"
        self.notices: deque[Event] = deque()
        self.topics = Topics(name or socket.gethostname())
        self._discovery = dict(make_discovery(self.topics, space, fashion_edge.__version__))
        served = (self.topics.availability, self.topics.source, self.topics.state, self.topics.vitals)
        self._served = {*self._discovery, *served}
        self._clock = clock
        self._wall = WallClock()
        self._text: str | None = None
        self._current = {self.topics.source: OFFLINE}  # newest messages, to be published after a reconnect
        self._vitals_at = self._result_at = clock()
        self._failure: str | None = None  # while the broker is away: the reason of the first failed attempt
        self._reached = self._connected = False
        self._may_subscribe = True
        self._connected_at = 0.0
        self._tls = broker.tls
        self._tried = threading.Event()  # the first attempt succeeded or failed
        self._publishing = threading.Lock()  # keeps messages of both threads in order
        self._client = (make_client or _make_paho_client)(f"fashion-edge-{self.topics.id}")
        self._connect(broker)

    def put(self, result: Result) -> None:
        """Publish the decision if it is new, and the vitals every ten seconds."""
        with self._publishing:
            if result.decision.text != self._text:
                self._text = result.decision.text
                self._update(self.topics.state, _state_payload(result, self._wall), again=True)
            # after the state: the retained one of before must not count for a moment
            self._update(self.topics.source, ONLINE)
            now = self._result_at = self._clock()
            if result.vitals is not None and now - self._vitals_at >= VITALS_EVERY_S:
                self._vitals_at = now
                self._publish(self.topics.vitals, _vitals_payload(result.vitals))

    def event(self, event: Event) -> None:
        """Publish that the source is lost; its first frame publishes that it is back."""
        if event.interrupts:
            with self._publishing:
                self._update(self.topics.source, OFFLINE)
            self._text = None

    def tick(self, tick: Tick) -> None:
        """Publish that the source gives nothing: its frames have no valid scores, or are too old."""
        if tick.at - self._result_at > STALE_S:
            with self._publishing:
                self._update(self.topics.source, OFFLINE)

    def close(self) -> None:
        """Publish that we are offline; waits for a first connection that is under way."""
        self._tried.wait(ANSWER_S)
        if self._connected:
            with self._publishing:
                self._publish(self.topics.source, OFFLINE)
                # acknowledged: then everything that was published before has arrived, too
                goodbye = self._client.publish(self.topics.availability, OFFLINE, AT_LEAST_ONCE, True)
            goodbye.wait_for_publish(GOODBYE_S)
        self._client.disconnect()
        self._client.loop_stop()
        if not self._reached:
            raise ConnectionError(self._failure or "the broker was never reached")

    def _connect(self, broker: Broker) -> None:
        client = self._client
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set()
        client.will_set(self.topics.availability, OFFLINE, AT_LEAST_ONCE, True)
        client.reconnect_delay_set(*RETRY_S)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        client.connect_async(broker.host, broker.port, KEEP_ALIVE_S)
        client.loop_start()

    def _update(self, topic: str, payload: str, *, again: bool = False) -> None:
        if again or payload != self._current.get(topic):
            self._current[topic] = payload
            self._publish(topic, payload)

    def _publish(self, topic: str, payload: str) -> None:
        if self._connected:
            self._client.publish(topic, payload, AT_MOST_ONCE, True)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        """Publish the current state; runs in the client's thread."""
        if reason.is_failure:
            self._fail(f"the broker refused: {reason}")
            return
        with self._publishing:
            self._connected = self._reached = True
            self._connected_at = self._clock()
            for topic, payload in self._discovery.items():
                self._publish(topic, payload)
            for topic in sorted(self._current, reverse=True):  # the state first
                self._publish(topic, self._current[topic])
            self._publish(self.topics.availability, ONLINE)  # last: old retained messages must not count for a moment
            if self._may_subscribe:
                self._may_subscribe = False  # until it answers: some brokers disconnect instead, again and again
                self._client.subscribe([(own, AT_MOST_ONCE) for own in self.topics.mine()])
        self._tried.set()
        if self._failure is not None:
            self._failure = None
            self.notices.append(Event(self.name, "restored", self._clock(), "the broker answers"))

    def _on_subscribe(self, *_: Any) -> None:
        self._may_subscribe = True

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        """Clear a retained message that an earlier run left; runs in the client's thread."""
        if message.retain and message.payload and message.topic not in self._served:
            self._publish(message.topic, "")

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        """Runs in the client's thread, which is handling the exception."""
        reason = sys.exception()
        self._fail(f"the broker cannot be reached{f' ({brief(reason)})' if reason else ''}")

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        was_connected, self._connected = self._connected, False
        hint = ""
        if not was_connected and not self._tls:
            hint = "; if its port is one for TLS, add --mqtt-tls"
        elif was_connected and self._clock() - self._connected_at < SOON_S:
            hint = f"; if another device is called {self.topics.name!r} as well, give each a --mqtt-name of its own"
        if reason.is_failure:
            self._fail(f"the broker is gone: {reason}{hint}")

    def _fail(self, reason: str) -> None:
        """Report the first failure, not each attempt; after a refusal the connection ends, too."""
        if self._failure is None:
            self._failure = reason
            detail = f"{reason}; trying again in the background"
            self.notices.append(Event(self.name, "failed", self._clock(), detail))
        self._tried.set()


def _make_paho_client(client_id: str) -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise MissingExtraError("the MQTT client", "mqtt") from error
    return Client(CallbackAPIVersion.VERSION2, client_id=client_id)
