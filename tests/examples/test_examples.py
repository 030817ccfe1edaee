"""Each example runs as a reader would run it."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from fashion_edge import Classifier
from fashion_edge.bundle import load_bundle
from fashion_render import render_dataset
from fashion_render.demo import DemoScene

EXAMPLES = Path(__file__).parents[2] / "examples"
MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Two rendered photos and a damaged one."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for index in (0, 60):
        cv2.imwrite(str(folder / f"{index}.jpg"), DemoScene(seed=0).frame(index))
    (folder / "damaged.jpg").write_bytes(b"\xff\xd8\xff")
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """One second of rendered video."""
    path, scene = tmp_path / "clip.avi", DemoScene(seed=0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (640, 480))
    for index in range(30):
        writer.write(scene.frame(index))
    writer.release()
    return path


def run_example(name: str, *arguments: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, str(EXAMPLES / name), *map(str, arguments)]
    done = subprocess.run(argv, check=False, capture_output=True, text=True, timeout=300, env=os.environ | environment)
    assert done.returncode == status, done.stderr
    return done


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_is_short_and_says_how_to_run_it(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") < 40
    assert re.search(rf"python (examples/)?{path.name} ", text.split('"""')[1])


def test_photos_are_printed_with_scores_and_a_damaged_one_is_reported(photos: Path) -> None:
    done = run_example("classify_photo.py", *sorted(photos.iterdir()), status=1)
    assert done.stdout.count(".jpg: ") == 2
    assert done.stdout.count(" dress") >= 2
    assert "damaged.jpg" in done.stderr


def test_photos_have_to_be_named() -> None:
    assert run_example("classify_photo.py", status=2).stderr == "usage: python classify_photo.py PHOTO ...\n"


def test_the_live_loop_without_its_camera_prints_one_sentence() -> None:
    done = run_example("live_loop.py", 97, status=2)
    assert "camera /dev/video97 does not exist" in done.stderr
    assert "Traceback" not in done.stderr


def test_ctrl_c_ends_the_live_loop_without_a_traceback() -> None:
    argv = [sys.executable, str(EXAMPLES / "live_loop.py"), "demo"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert "640x480" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (0, False)


def test_the_live_loop_prints_changes(clip: Path) -> None:
    assert ": 640x480, " in run_example("live_loop.py", clip).stdout


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    """A broker on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    config = tmp_path / "mosquitto.conf"
    config.write_text(f"listener {number} 127.0.0.1\nallow_anonymous true\n")
    broker = subprocess.Popen([str(MOSQUITTO), "-c", str(config)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", number)) == 0:
                break
        time.sleep(0.05)
    yield number
    broker.terminate()
    broker.wait(10)


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="NO BROKER: apt install mosquitto")
def test_home_assistant_finds_the_sensor_and_its_state(port: int, clip: Path) -> None:
    mqtt = pytest.importorskip("paho.mqtt.client")
    run_example("home_assistant.py", f"127.0.0.1:{port}", clip)
    seen: dict[str, str] = {}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda _client, _data, one: seen.update({one.topic: one.payload.decode()})
    client.connect("127.0.0.1", port)
    client.subscribe("#")
    client.loop_start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and len(seen) < 3:
        time.sleep(0.05)
    client.disconnect()
    client.loop_stop()
    sensor = json.loads(seen["homeassistant/sensor/wardrobe/config"])
    assert set(json.loads(seen[sensor["state_topic"]])) == {"text", "colour", "garment"}
    assert sensor["availability_topic"] in seen


@pytest.mark.broker
@pytest.mark.skipif(MOSQUITTO is None, reason="NO BROKER: apt install mosquitto")
def test_home_assistant_without_a_camera_ends_in_a_sentence(port: int) -> None:
    done = run_example("home_assistant.py", f"127.0.0.1:{port}", 97, status=1)
    assert done.stderr.startswith("home_assistant.py: camera /dev/video97 does not exist")
    assert done.stderr.count("\n") == 1


def test_home_assistant_without_a_broker_ends_in_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        closed = free.getsockname()[1]
    pytest.importorskip("paho.mqtt.client")
    assert "Connection refused" in run_example("home_assistant.py", f"127.0.0.1:{closed}", status=1).stderr


@pytest.mark.slow
def test_ray_labels_a_folder_with_two_workers(photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="NO RAY: pip install 'ray[data]'")
    output = tmp_path / "labels.jsonl"
    run_example("label_archive_ray.py", photos, output, 2, RAY_ENABLE_UV_RUN_RUNTIME_ENV="0")
    rows = {Path(row["path"]).name: row for row in map(json.loads, output.read_text().splitlines())}
    assert set(rows) == {"0.jpg", "60.jpg", "damaged.jpg"}
    assert "damaged.jpg" in rows["damaged.jpg"]["error"]
    assert rows["0.jpg"]["labels"] == list(Classifier.load().classify(photos / "0.jpg").labels)


@pytest.mark.slow
def test_own_model_is_exported(tmp_path: Path) -> None:
    render_dataset(tmp_path / "photos", 20, 0)
    assert "proven" in run_example("export_own_model.py", tmp_path / "photos", tmp_path / "own").stdout
    manifest = load_bundle(tmp_path / "own").manifest
    assert [variant.name for variant in manifest.variants] == ["litert int8", "litert float32", "onnx float32"]
    assert set(manifest.space.groups) == {"colour", "garment"}
