"""`--mqtt` against a real broker: what a home automation sees of a run, of its end, and of its death."""

import contextlib
import itertools
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.decide import Decision, LabelSpace
from fashion_edge.frame import Box, Event, Frame
from fashion_edge.result import Result
from fashion_edge.sinks.mqtt import Broker as Address
from fashion_edge.sinks.mqtt import MqttSink

mqtt = pytest.importorskip("paho.mqtt.client", reason="NO MQTT CLIENT: pip install 'fashion-edge[mqtt]'")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="NO BROKER: apt install mosquitto to test --mqtt"),
]


class Broker:
    """A mosquitto on a free port, with one user."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        password = folder / "users"
        subprocess.run(["mosquitto_passwd", "-b", "-c", password, "edge", "swordfish"], check=True)
        password.chmod(0o644)
        folder.chmod(0o755)
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {password}\nuser root\n"
        )
        self.start()

    def start(self) -> None:
        assert MOSQUITTO
        self._child = subprocess.Popen([MOSQUITTO, "-c", self._config], stderr=subprocess.PIPE)
        wait_until(self._answers)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self) -> None:
        self._child.terminate()
        self._child.communicate(timeout=10)


class Link:
    """A network on the way to the broker, which may die without a word to either end."""

    def __init__(self, port: int) -> None:
        self._broker = port
        self._dead = False
        self._carried: list[tuple[socket.socket, socket.socket]] = []
        self._swallowing: set[socket.socket] = set()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def die(self) -> None:
        """Swallow, from now on, what either end says; refuse whoever comes anew."""
        self._dead = True
        self._swallowing.update(*self._carried)

    def cut(self) -> None:
        """Let the device alone see that its connection is dead, as after a keepalive without an answer."""
        for device, _ in self._carried:
            device.shutdown(socket.SHUT_RDWR)

    def heal(self) -> None:
        """Carry new connections; the old ones stay dead."""
        self._dead = False

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)  # wakes the thread, which `close` alone does not
        self._server.close()
        for end in itertools.chain.from_iterable(self._carried):
            end.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                self._connect(self._server.accept()[0])

    def _connect(self, device: socket.socket) -> None:
        if self._dead:
            device.close()
            return
        ends = (device, socket.create_connection(("127.0.0.1", self._broker)))
        self._carried.append(ends)
        for way in (ends, ends[::-1]):
            threading.Thread(target=self._carry, args=way, daemon=True).start()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                if one not in self._swallowing:
                    other.sendall(data)
            if one not in self._swallowing:
                other.shutdown(socket.SHUT_WR)


class Home:
    """A subscriber that remembers the payloads of each topic, and the newest."""

    def __init__(self, port: int) -> None:
        self.seen: dict[str, str] = {}
        self.told: list[tuple[str, str]] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("edge", "swordfish")
        self._client.on_message = lambda _client, _data, message: self._hear(message.topic, message.payload.decode())
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _hear(self, topic: str, payload: str) -> None:
        self.told.append((topic, payload))
        self.seen[topic] = payload

    def catch_up(self) -> None:
        """Wait for all that the broker has had so far: what it passes on to one subscriber stays in order."""
        self._client.publish("home/asks", "and now?", 1)
        self.wait("home/asks", bool)

    def history(self, topic: str) -> list[str]:
        return [payload for name, payload in self.told if name == topic]

    def wait(self, topic: str, wanted: Callable[[str], bool]) -> str:
        wait_until(lambda: topic in self.seen and wanted(self.seen[topic]))
        return self.seen[topic]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    one = Broker(tmp_path_factory.mktemp("broker"))
    yield one
    one.stop()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("swordfish\n")
    return path


def start(port: int, password: Path, *argv: str) -> subprocess.Popen:
    command = [sys.executable, "-c", "import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"]
    command += ["--source", "demo", "--headless", "--mqtt", f"127.0.0.1:{port}", "--mqtt-name", "Hall Camera"]
    command += ["--mqtt-user", "edge", "--mqtt-password-file", str(password), *argv]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_home_sees_the_device_its_decisions_and_its_end(broker: Broker, password: Path) -> None:
    home = Home(broker.port)
    child = start(broker.port, password)
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "online")
    home.wait("fashion-edge/hall_camera/source", lambda text: text == "online")
    state = json.loads(home.wait("fashion-edge/hall_camera/state", bool))
    assert set(state) == {"text", "decision", "labels", "scores", "source", "at"}
    config = json.loads(home.wait("homeassistant/sensor/fashion_edge_hall_camera/decision/config", bool))
    assert config["state_topic"] in home.seen
    assert {entry["topic"] for entry in config["availability"]} <= set(home.seen)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "offline")
    home.wait("fashion-edge/hall_camera/source", lambda text: text == "offline")
    home.close()


def test_of_a_program_that_dies_the_broker_says_that_it_is_offline(broker: Broker, password: Path) -> None:
    home = Home(broker.port)
    child = start(broker.port, password)
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "online")
    child.kill()
    child.communicate(timeout=30)
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "offline")
    home.close()


def test_a_broker_that_goes_and_comes_back_is_told_how_things_are(
    broker: Broker, password: Path, tmp_path: Path
) -> None:
    events = tmp_path / "events.jsonl"
    child = start(broker.port, password, "--events", str(events))
    wait_until(lambda: events.exists() and '"text"' in events.read_text())
    broker.stop()
    wait_until(lambda: '"failed"' in events.read_text())
    broker.start()
    home = Home(broker.port)  # this broker keeps nothing over a restart: what it has, it was told anew
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "online")
    assert json.loads(home.wait("fashion-edge/hall_camera/state", bool))["source"] == "demo"
    wait_until(lambda: '"restored"' in events.read_text())
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert err.count("trying again in the background") == 1, "said once"
    home.close()


def decided(text: str) -> Result:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, time.monotonic(), "demo")
    scores = np.array([0.9], np.float32)
    return Result(frame, Box(0, 0, 4, 4), scores, scores, Decision({}, (), text), 0.01, {}, ("red",), None)


def test_what_a_link_swallowed_as_it_died_is_not_kept_in_place_of_what_is_true_now(broker: Broker) -> None:
    link, home = Link(broker.port), Home(broker.port)
    address = Address("127.0.0.1", link.port, "edge", "swordfish")
    sink = MqttSink(address, LabelSpace(("red",), {}, {"red": 0.5}), name="Hall Camera")
    sink.put(decided("first"))
    home.wait("fashion-edge/hall_camera/state", lambda text: "first" in text)
    link.die()
    sink.put(decided("swallowed"))
    sink.event(Event("camera:0", "lost", 1.0, "gone"))
    link.cut()
    wait_until(lambda: bool(sink.notices))
    sink.put(decided("now"))
    link.heal()
    wait_until(lambda: sink.notices[-1].state == "restored")
    sink.close()
    home.catch_up()
    states = [json.loads(payload)["text"] for payload in home.history("fashion-edge/hall_camera/state")]
    assert states == ["first", "now"]
    for topic in ("source", "availability"):
        assert home.history(f"fashion-edge/hall_camera/{topic}")[-2:] == ["online", "offline"], "then the goodbye"
    home.close()
    link.close()


def test_a_wrong_password_is_said_and_the_labels_go_on(broker: Broker, tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("sesame\n")
    child = start(broker.port, wrong, "--seconds", "4")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "the broker refused: Not authorized" in err
    assert "frames labelled" in err
    assert "sesame" not in err
