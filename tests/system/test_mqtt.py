"""`--mqtt` with a real broker: what Home Assistant receives from a run, its end, and its last will."""

import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

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


class Home:
    """A subscriber that keeps the newest payload of each topic."""

    def __init__(self, port: int) -> None:
        self.seen: dict[str, str] = {}
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.username_pw_set("edge", "swordfish")
        self._client.on_message = lambda _client, _data, one: self.seen.update({one.topic: one.payload.decode()})
        self._client.on_connect = lambda client, *_: client.subscribe("#", 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

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
def broker(tmp_path_factory):
    one = Broker(tmp_path_factory.mktemp("broker"))
    yield one
    one.stop()


@pytest.fixture
def password(tmp_path):
    path = tmp_path / "password"
    path.write_text("swordfish\n")
    return path


def start(port: int, password: Path, *argv: str) -> subprocess.Popen:
    command = [sys.executable, "-c", "import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"]
    command += ["--source", "demo", "--headless", "--mqtt", f"127.0.0.1:{port}", "--mqtt-name", "Hall Camera"]
    command += ["--mqtt-user", "edge", "--mqtt-password-file", str(password), *argv]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def test_a_home_receives_the_device_its_decisions_and_its_end(broker, password):
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


def test_the_last_will_of_a_killed_program_is_offline(broker, password):
    home = Home(broker.port)
    child = start(broker.port, password)
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "online")
    child.kill()
    child.communicate(timeout=30)
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "offline")
    home.close()


def test_a_restarted_broker_receives_the_current_state(broker, password, tmp_path):
    events = tmp_path / "events.jsonl"
    child = start(broker.port, password, "--events", str(events))
    wait_until(lambda: events.exists() and '"text"' in events.read_text())
    broker.stop()
    wait_until(lambda: '"failed"' in events.read_text())
    broker.start()
    home = Home(broker.port)  # this broker keeps nothing over a restart
    home.wait("fashion-edge/hall_camera/availability", lambda text: text == "online")
    assert json.loads(home.wait("fashion-edge/hall_camera/state", bool))["source"] == "demo"
    wait_until(lambda: '"restored"' in events.read_text())
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    assert err.count("trying again in the background") == 1
    home.close()


def test_a_wrong_password_is_reported_and_the_run_continues(broker, tmp_path):
    wrong = tmp_path / "password"
    wrong.write_text("sesame\n")
    child = start(broker.port, wrong, "--seconds", "4")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "the broker refused: Not authorized" in err
    assert "frames labelled" in err
    assert "sesame" not in err
