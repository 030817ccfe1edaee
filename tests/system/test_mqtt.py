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

from fashion_edge.defaults import SHIPPED_BUNDLE

mqtt = pytest.importorskip("paho.mqtt.client", reason="NO MQTT CLIENT: pip install 'fashion-edge[mqtt]'")
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(MOSQUITTO is None, reason="NO BROKER: apt install mosquitto to test --mqtt"),
]


class Broker:
    """A mosquitto on a free port, with one user."""

    def __init__(self, folder: Path, *, keeps: bool = False) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        password = folder / "users"
        subprocess.run(["mosquitto_passwd", "-b", "-c", password, "edge", "swordfish"], check=True)
        password.chmod(0o644)
        folder.chmod(0o755)
        self.database = folder / "mosquitto.db"
        self._config = folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous false\npassword_file {password}\nuser root\n"
            f"persistence {str(keeps).lower()}\npersistence_location {folder}/\n"
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

    def publish(self, topic: str, payload: str) -> None:
        self._client.publish(topic, payload, 1, retain=True).wait_for_publish(10)

    def wait(self, topic: str, *texts: str) -> str:
        """Wait for one of these texts, or for any; topics are those of the camera in the hall."""
        topic = topic if "/" in topic else f"fashion-edge/hall_camera/{topic}"
        wait_until(lambda: self.seen.get(topic) in texts if texts else self.seen.get(topic))
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
def broker(tmp_path_factory, request):
    one = Broker(tmp_path_factory.mktemp("broker"), keeps=getattr(request, "param", False))
    yield one
    one.stop()


@pytest.fixture
def home(broker):
    one = Home(broker.port)
    yield one
    one.close()


@pytest.fixture
def start(broker, tmp_path):
    """Start a run that publishes to the broker."""

    def run(*argv: str, password: str = "swordfish") -> subprocess.Popen:
        (tmp_path / "password").write_text(f"{password}\n")
        command = [sys.executable, "-c", "import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"]
        command += ["--source", "demo", "--headless", "--mqtt", f"127.0.0.1:{broker.port}"]
        command += ["--mqtt-name", "Hall Camera", "--mqtt-user", "edge"]
        command += ["--mqtt-password-file", str(tmp_path / "password"), *argv]
        return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    return run


def end(child: subprocess.Popen, number: signal.Signals) -> str:
    """End a run by a signal; returns its messages."""
    child.send_signal(number)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 0, err
    return err


def test_a_home_receives_the_device_its_decisions_and_its_end(home, start):
    child = start()
    for topic in ("availability", "source"):
        home.wait(topic, "online")
    assert set(json.loads(home.wait("state"))) == {"text", "decision", "labels", "scores", "source", "at"}
    config = json.loads(home.wait("homeassistant/sensor/fashion_edge_hall_camera/decision/config"))
    assert {config["state_topic"], *(entry["topic"] for entry in config["availability"])} <= set(home.seen)
    end(child, signal.SIGTERM)
    for topic in ("availability", "source"):
        home.wait(topic, "offline")


@pytest.fixture
def other_bundle(tmp_path):
    """The shipped bundle with other names of its groups."""
    folder = Path(shutil.copytree(SHIPPED_BUNDLE, tmp_path / "other"))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["groups"] = dict(zip(("tint", "piece"), manifest["groups"].values(), strict=True))
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def test_sensors_of_a_former_bundle_are_removed_and_others_stay(home, start, other_bundle):
    sensors = "homeassistant/sensor/fashion_edge_hall_camera"
    others = (f"{sensors}_2/tint/config", "homeassistant/sensor/x/tint/config", "fashion-edge/hall_camera_2/tint")
    for topic in (*others, "fashion-edge/hall_camera/tint"):
        home.publish(topic, "{}")
    for bundle, came, went in ((other_bundle, "tint", "colour"), (SHIPPED_BUNDLE, "colour", "tint")):
        child = start("--bundle", str(bundle), "--seconds", "1")
        _, err = child.communicate(timeout=60)
        assert child.returncode == 0, err
        home.wait(f"{sensors}/{came}/config")
        wait_until(lambda went=went: not home.seen.get(f"{sensors}/{went}/config"))
    assert not home.seen["fashion-edge/hall_camera/tint"]
    assert all(home.seen[topic] == "{}" for topic in others)


@pytest.mark.parametrize("broker", [True], indirect=True, ids=["which keeps messages over a restart"])
def test_sensors_of_a_former_bundle_are_removed_from_a_broker_that_comes_late(broker, start):
    stale, home = "homeassistant/sensor/fashion_edge_hall_camera/tint/config", Home(broker.port)
    home.publish(stale, "{}")
    home.close()
    broker.stop()
    assert stale.encode() in broker.database.read_bytes()
    child = start()
    while "trying again in the background" not in child.stderr.readline():
        assert child.poll() is None
    broker.start()
    home = Home(broker.port)
    home.wait("availability", "online")
    wait_until(lambda: not home.seen.get(stale))
    end(child, signal.SIGINT)
    home.close()


def test_the_last_will_of_a_killed_program_is_offline(home, start):
    child = start()
    home.wait("availability", "online")
    child.kill()
    child.communicate(timeout=30)
    home.wait("availability", "offline")


def test_a_restarted_broker_receives_the_current_state(broker, start, tmp_path):
    events = tmp_path / "events.jsonl"
    child = start("--events", str(events))
    wait_until(lambda: events.exists() and '"text"' in events.read_text())
    broker.stop()
    wait_until(lambda: '"failed"' in events.read_text())
    broker.start()
    home = Home(broker.port)  # this broker keeps nothing over a restart
    home.wait("availability", "online")
    assert json.loads(home.wait("state"))["source"] == "demo"
    wait_until(lambda: '"restored"' in events.read_text())
    assert end(child, signal.SIGINT).count("trying again in the background") == 1
    home.close()


def test_a_wrong_password_is_reported_and_the_run_continues(start):
    child = start("--seconds", "4", password="sesame")
    _, err = child.communicate(timeout=60)
    assert child.returncode == 1
    assert "the broker refused: Not authorized" in err
    assert "frames labelled" in err
    assert "sesame" not in err
