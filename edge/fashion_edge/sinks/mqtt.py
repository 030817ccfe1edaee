"""The sink behind `--mqtt`: says what changed, and lets the broker say that we are gone."""

import os
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import fashion_edge
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import MissingExtraError, UsageError, brief
from fashion_edge.frame import Event
from fashion_edge.result import Result, WallClock
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.mqtt_messages import OFFLINE, ONLINE, Topics, discovery, state_payload, vitals_payload

VARIABLE = "FASHION_EDGE_MQTT_PASSWORD"
PORT, TLS_PORT = 1883, 8883


@dataclass(frozen=True)
class Broker:
    """Where to publish."""

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
        """Read `HOST` or `HOST:PORT`; the password from a file, else from the environment.

        Raises:
            UsageError: no host, a bad port, a password in the address, a file that cannot be read, one without a user.
        """
        try:
            parts = urlsplit(f"//{text.removeprefix('mqtt://')}")
            host, port = parts.hostname, (TLS_PORT if tls else PORT) if parts.port is None else parts.port
            (host or "").encode("idna")  # refuses an empty or overlong part, as in a..b
        except ValueError:
            host, port = None, 0
        if "@" in text:
            raise UsageError(f"--mqtt takes HOST[:PORT] alone; give --mqtt-user, and the password in {VARIABLE}")
        if not host or port == 0 or parts.path or parts.query:
            raise UsageError(f"--mqtt {text!r} is not HOST or HOST:PORT, such as homeassistant.local:1883")
        password = environ.get(VARIABLE) if password_file is None else _read_password(password_file)
        if password_file is not None and user is None:
            raise UsageError(f"--mqtt-password-file {password_file} needs --mqtt-user beside it")
        return cls(host, port, user, password if user is not None else None, tls)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def _read_password(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()  # editors of Windows begin with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise UsageError(f"--mqtt-password-file {path} cannot be read: {reason}") from error
    if not lines or not lines[0]:
        raise UsageError(f"--mqtt-password-file {path} has no password on its first line")
    return lines[0]


KEEP_ALIVE_S = 20  # half as much again without a word, and the broker says that we are offline
VITALS_EVERY_S = 10.0
RETRY_S = (1, 30)  # the first and the longest pause between two attempts
GOODBYE_S = 2.0
ANSWER_S = 5.0  # what a run that is shorter than the way to the broker gives it
SOON_S = 5.0  # whose connection ends so soon again and again has a namesake that takes its place
AT_MOST_ONCE, AT_LEAST_ONCE = 0, 1


class MqttSink(Sink):
    """Publishes each change of the decision, retained. The client has a thread of its own; the loop never waits.

    While the broker is away nothing is queued: it is told how things are once it is back. So all goes at most once:
    the client would send again what a dying link swallowed, and only after `_on_connect` has said how things are now.
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
        self.notices = deque[Event]()
        self.topics = Topics(name or socket.gethostname())
        self._space = space
        self._clock = clock
        self._wall = WallClock()
        self._text: str | None = None
        self._state: str | None = None
        self._source: str | None = None
        self._vitals_at = clock()
        self._why: str | None = None  # while the broker is away: what the first attempt met
        self._reached = False
        self._connected = False
        self._connected_at = 0.0
        self._tls = broker.tls
        self._tried = threading.Event()  # the first attempt succeeded or failed
        self._in_order = threading.Lock()  # held while publishing: the newest must come last, from whichever thread
        self._client = (make_client or _paho)(f"fashion-edge-{self.topics.id}")
        self._begin(broker)

    def put(self, result: Result) -> None:
        """Publish the decision if it is a new one, and now and then how the loop is doing."""
        with self._in_order:
            if result.decision.text != self._text:
                self._text = result.decision.text
                self._state = state_payload(result, self._wall)
                self._publish(self.topics.state, self._state)
            self._see(ONLINE)  # after what is seen: or a home would take the decision before for it
            now = self._clock()
            if result.vitals is not None and now - self._vitals_at >= VITALS_EVERY_S:
                self._vitals_at = now
                self._publish(self.topics.vitals, vitals_payload(result.vitals))

    def event(self, event: Event) -> None:
        """Publish that the source went; that it is back is seen by its first frame."""
        if event.state == "lost":
            with self._in_order:
                self._see(OFFLINE)
            self._text = None

    def close(self) -> None:
        """Say goodbye; a broker whose first answer is still on its way is waited for."""
        self._tried.wait(ANSWER_S)
        if self._connected:
            with self._in_order:
                self._publish(self.topics.source, OFFLINE)
                # This one is answered: then all that was said before it has arrived, too.
                goodbye = self._client.publish(self.topics.availability, OFFLINE, AT_LEAST_ONCE, True)
            goodbye.wait_for_publish(GOODBYE_S)
        self._client.disconnect()
        self._client.loop_stop()
        if not self._reached:
            raise ConnectionError(self._why or "the broker was never reached")

    def _begin(self, broker: Broker) -> None:
        client = self._client
        if broker.user is not None:
            client.username_pw_set(broker.user, broker.password)
        if broker.tls:
            client.tls_set()
        client.will_set(self.topics.availability, OFFLINE, AT_LEAST_ONCE, True)
        client.reconnect_delay_set(*RETRY_S)
        client.on_connect, client.on_connect_fail = self._on_connect, self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.connect_async(broker.host, broker.port, KEEP_ALIVE_S)
        client.loop_start()

    def _see(self, source: str) -> None:
        if source != self._source:
            self._source = source
            self._publish(self.topics.source, source)

    def _publish(self, topic: str, payload: str) -> None:
        if self._connected:
            self._client.publish(topic, payload, AT_MOST_ONCE, True)

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        """In the client's thread."""
        if reason.is_failure:
            self._gone(f"the broker refused: {reason}")
            return
        with self._in_order:
            self._connected = self._reached = True
            self._connected_at = self._clock()
            self._say_how_things_are()
        self._tried.set()
        if self._why is not None:
            self._why = None
            self._tell(Event(self.name, "restored", self._clock(), "the broker answers"))

    def _say_how_things_are(self) -> None:
        for topic, payload in discovery(self.topics, self._space, fashion_edge.__version__):
            self._publish(topic, payload)
        if self._state is not None:
            self._publish(self.topics.state, self._state)
        self._publish(self.topics.source, self._source or OFFLINE)
        self._publish(self.topics.availability, ONLINE)  # last: what is old must not count for a moment

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        """In the client's thread, which is handling the reason."""
        reason = sys.exception()
        self._gone(f"the broker cannot be reached{f' ({brief(reason)})' if reason else ''}")

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        was, self._connected = self._connected, False
        if reason.is_failure:
            self._gone(f"the broker is gone: {reason}{self._guess(was)}")

    def _guess(self, was_connected: bool) -> str:
        """What a connection that ended early may have died of, which no broker says."""
        if was_connected and self._clock() - self._connected_at < SOON_S:
            return f"; if another device is called {self.topics.name!r} as well, give each a --mqtt-name of its own"
        return "" if was_connected or self._tls else "; if its port is one for TLS, add --mqtt-tls"

    def _tell(self, event: Event) -> None:
        assert self.notices is not None
        self.notices.append(event)

    def _gone(self, why: str) -> None:
        """Say it once, however often it is tried again; a refusal is followed by the end of its connection."""
        if self._why is None:
            self._why = why
            self._tell(Event(self.name, "failed", self._clock(), f"{why}; trying again in the background"))
        self._tried.set()


def _paho(client_id: str) -> Any:
    try:
        from paho.mqtt.client import Client
        from paho.mqtt.enums import CallbackAPIVersion
    except ImportError as error:
        raise MissingExtraError("the MQTT client", "mqtt") from error
    return Client(CallbackAPIVersion.VERSION2, client_id=client_id)
