"""`--source picamera` with the real picamera2 and libcamera, on rendered garments."""

import json
import shlex
import shutil
import subprocess
import time
from datetime import datetime

import cv2
import numpy as np
import pytest
from testbed import csi
from testbed.guest import Guest
from testbed.guide import bounded, commands
from testbed.host import REPOSITORY, fresh
from testbed.pictures import camera_picture
from testbed.wheels import download, platform_options

COMMANDS = [command for command in commands() if "legacy" not in command]
INSTALL = COMMANDS[:2]  # the environment and pip
BUFFERS = 6  # of picamera2's video configuration: as many unreleased requests would stop the camera
RUN = "/root/fashion/bin/fashion-edge --source picamera --headless --frozen 0"


@pytest.fixture(scope="session")
def guest() -> Guest:
    """A root where the commands of the guide have installed this tree with the system's pip."""
    guest = csi.boot()
    tree = guest.work / "tree"
    for name in ("edge", "train", "export", "benchmarks"):
        shutil.copytree(REPOSITORY / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, tree)
    requirements = [f"fashion-edge[headless] @ {tree.as_uri()}", "hatchling"]
    download(guest.work / "wheels", platform_options("x86_64", "trixie", "3.13"), requirements)
    shutil.copy(
        "/etc/ssl/certs/ca-certificates.crt", guest.root / "etc/ssl/certs/"
    )  # pip needs them even without an index
    fresh(guest.root / "root")  # no package brings it
    for command in INSTALL:
        in_the_tree(guest, command)
    return guest


def in_the_tree(guest: Guest, command: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command of the guide by a shell in the clone; pip uses downloaded files instead of its index."""
    env = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/lab/wheels"}
    done = guest.run(f"dash -c {shlex.quote(f'cd /lab/tree && {command}')}", env=env, typed=typed)
    assert done.returncode == 0, done.stdout + done.stderr
    return done


@pytest.mark.parametrize("command", [c for c in COMMANDS if c not in INSTALL and "--camera" not in c])
def test_the_commands_of_the_guide_work(guest: Guest, command: str) -> None:
    show(guest, camera_picture("red dress"))
    done = in_the_tree(guest, bounded(command), typed="s\n" * 20)
    assert "Traceback" not in done.stderr


def show(guest: Guest, picture: np.ndarray) -> None:
    """Show the camera one picture."""
    for old in (guest.work / "frames").iterdir():
        old.unlink()
    cv2.imwrite(str(guest.work / "frames" / "0.jpg"), picture, [cv2.IMWRITE_JPEG_QUALITY, 95])


@pytest.mark.parametrize("text", ["red dress", "blue shirt", "blue jeans", "black dress"])
def test_garments_in_front_of_the_camera_get_their_labels(guest: Guest, text: str) -> None:
    show(guest, camera_picture(text))
    done = guest.run(f"{RUN} --frames 30 --jsonl /lab/labels.jsonl --overwrite")
    assert done.returncode == 0, done.stderr
    assert "picamera imx708: 640x480 NV12, 30 frames/s" in done.stderr
    records = [json.loads(line) for line in (guest.work / "labels.jsonl").read_text().splitlines()]
    assert {record["text"] for record in records if "text" in record} == {text}


def test_channels_are_in_order(guest: Guest) -> None:
    """A red field with a blue corner is recorded in these colours: nothing swaps channels between sensor and file.

    The virtual camera gives full-range NV12 that it declares as video range, hence the tolerance.
    """
    field = np.full((480, 640, 3), (40, 40, 200), np.uint8)
    field[:240, :320] = (200, 60, 40)
    show(guest, field)
    done = guest.run(f"{RUN} --frames 3 --record-raw /lab/raw --overwrite")
    assert done.returncode == 0, done.stderr
    pictures = (path for path in sorted((guest.work / "raw").rglob("*")) if path.suffix in (".png", ".jpg"))
    seen = cv2.imread(str(next(pictures)))
    assert np.abs(seen[60:180, 60:260].astype(int) - (200, 60, 40)).max() <= 16
    assert np.abs(seen[300:, :].astype(int) - (40, 40, 200)).max() <= 16


def test_captured_at_is_the_time_of_the_sensor_and_every_request_is_released(guest: Guest) -> None:
    show(guest, camera_picture("red dress"))
    offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)
    env = {"GLUE_REQUESTS": "/lab/requests.json"}
    done = guest.run(f"{RUN} --frames 60 --every-frame --jsonl /lab/times.jsonl --overwrite", env=env)
    assert done.returncode == 0, done.stderr
    counts = json.loads((guest.work / "requests.json").read_text())
    records = [json.loads(line) for line in (guest.work / "times.jsonl").read_text().splitlines()]
    stamps = [datetime.fromisoformat(record["captured_at"]).timestamp() for record in records if "frame" in record]
    sensor = np.array(counts["sensor_ns"]) / 1e9 + offset
    assert len(stamps) == 60 > BUFFERS
    assert all(np.abs(sensor - stamp).min() < 0.003 for stamp in stamps), (stamps[:3], sensor[:3])
    assert stamps == sorted(stamps)
    assert counts["made"] == counts["given_back"] > 60


def one_sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The only line of an error."""
    lines = [line for line in done.stderr.splitlines() if line]
    assert (done.returncode, len(lines)) == (2, 1), done.stderr
    return lines[0]


def test_no_camera_is_one_sentence(guest: Guest) -> None:
    done = guest.run(f"{RUN} --frames 1", env={"LIBCAMERA_PIPELINES_MATCH_LIST": "none"})
    assert "libcamera finds no camera 0 (none found): check the cable" in one_sentence(done)


def test_a_busy_camera_is_one_sentence(guest: Guest) -> None:
    show(guest, camera_picture("red dress"))
    program = (
        "from picamera2 import Picamera2; camera = Picamera2(0); "
        "from fashion_edge.cli import main; raise SystemExit(main('--source picamera --headless --frames 1'.split()))"
    )
    env = {"LIBCAMERA_LOG_LEVELS": "*:FATAL"}
    done = guest.run(f"/root/fashion/bin/python -c {shlex.quote(program)}", env=env)
    assert "is in use by this or another program" in one_sentence(done)


def test_an_unsupported_size_is_one_sentence(guest: Guest) -> None:
    show(guest, camera_picture("red dress"))
    assert "640x360" in one_sentence(guest.run(f"{RUN} --frames 1 --size 640x360"))


@pytest.mark.parametrize("missing", ["picamera2", "libcamera"])
def test_an_environment_without_picamera2_or_libcamera_is_one_sentence(guest: Guest, missing: str) -> None:
    """An environment made without --system-site-packages, and one with picamera2 from pip, the usual mistakes."""
    kept = guest.work / f"without-{missing}"
    system = guest.root / "usr/lib/python3/dist-packages"
    shutil.copytree(system, kept, ignore=shutil.ignore_patterns(f"{missing}*", "libcamera"), dirs_exist_ok=True)
    guest.check("python3 -m venv --without-pip /opt/plain")
    env = {"PYTHONPATH": f"/root/fashion/lib/python3.13/site-packages:/lab/{kept.name}"}
    done = guest.run(f"/opt/plain/bin/python {RUN} --frames 1", env=env)
    message = one_sentence(done)
    assert f"{missing} is not in this environment" in message
    assert "sudo apt install python3-picamera2" in message
