from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fashion_edge.doctor.hardware import check_cameras, check_governor, check_libcamera, check_power
from fashion_edge.isolated import KilledError
from fashion_edge.sources.camera import Device, Mode

CPUFREQ = "sys/devices/system/cpu/cpu0/cpufreq"
FIRMWARE = "sys/devices/platform/soc/soc:firmware/get_throttled"
NAMES = "sys/class/video4linux"
WEBCAM = {"dev/video0": "", "dev/video1": "", f"{NAMES}/video0/name": "HD Webcam", f"{NAMES}/video1/name": "HD Webcam"}


def query_webcam(path: str) -> tuple[Device, list[Mode]]:
    captures = path.endswith("video0")
    modes = [Mode("YUYV", 640, 480, 30.0), Mode("MJPG", 1920, 1080, 30.0)] if captures else []
    return Device("uvcvideo", "HD Webcam", "usb-0000:01:00.0-1", captures=captures), modes


def test_webcam_with_two_nodes_is_one_camera(machine):
    (finding,) = check_cameras(machine(WEBCAM), query_webcam)
    assert (finding.state, finding.text) == ("ok", "/dev/video0: HD Webcam, USB, YUYV, MJPG, up to 1920x1080")


def test_csi_nodes_point_to_picamera(machine, pi4, refuse):
    files = {**pi4, "dev/video0": "", f"{NAMES}/video0/name": "unicam-image\n"}
    (finding,) = check_cameras(machine(files), refuse(AssertionError("not to be opened")))
    assert finding.fix == "fashion-edge --source picamera"


def test_no_camera(machine):
    (finding,) = check_cameras(machine())
    assert (finding.state, finding.fix) == ("note", "lsusb  # does it show the camera?")


def test_camera_without_permission(machine, monkeypatch, refuse):
    monkeypatch.setattr("os.access", lambda path, mode: False)
    finding, _ = check_cameras(machine(WEBCAM), refuse(AssertionError("not to be opened")))
    assert (finding.state, finding.text) == ("bad", "you have no permission to open /dev/video0 (HD Webcam)")


def test_camera_that_cannot_be_queried(machine, refuse):
    findings = [*check_cameras(machine(WEBCAM), refuse(OSError(5, "Input/output error")))]
    assert [finding.state for finding in findings] == ["bad", "bad"]
    assert findings[0].text == "/dev/video0 (HD Webcam) cannot be queried: Input/output error"


def picamera2(*cameras: dict[str, Any]) -> Callable[[str], Any]:
    return lambda name: SimpleNamespace(Picamera2=SimpleNamespace(global_camera_info=lambda: list(cameras)))


def test_libcamera_names_its_cameras_and_how_they_are_attached(machine):
    cameras = {"Model": "imx708", "Num": 0, "Id": "/base/i2c"}, {"Model": "C920", "Num": 1, "Id": "/base/usb@1"}
    csi, usb = check_libcamera(machine(load=picamera2(*cameras)))
    assert (csi.state, csi.text) == ("ok", "imx708, CSI: --source picamera:0")
    assert (usb.state, usb.text) == ("ok", "C920, USB: --source picamera:1")
    (finding,) = check_libcamera(machine(load=picamera2()))
    assert finding.fix == "rpicam-hello --list-cameras"


@pytest.mark.parametrize(
    ("error", "fix"),
    [
        (ModuleNotFoundError("picamera2"), "python3 -m venv --system-site-packages --upgrade '/home/pi/my venv'"),
        (ValueError("numpy.dtype size changed"), "pip install 'numpy<2' 'opencv-python-headless<4.12'"),
        (KilledError("it is killed by SIGILL"), "sudo apt install --reinstall -y python3-picamera2"),
    ],
)
def test_installed_picamera2_that_cannot_be_imported(machine, pi4, refuse, error, fix):
    files = {**pi4, "usr/lib/python3/dist-packages/picamera2/__init__.py": ""}
    versions, venv = {"opencv-python-headless": "4.13"}, Path("/home/pi/my venv")
    (finding,) = check_libcamera(machine(files, versions, load=refuse(error), in_venv=True, venv=venv))
    assert (finding.state, finding.fix) == ("bad", fix)
    assert str(error) in finding.text


def test_missing_picamera2_is_a_note_on_a_pi_only(machine, refuse):
    load = refuse(ModuleNotFoundError("No module named 'picamera2'"))
    (finding,) = check_libcamera(machine(load=load))
    assert (finding.state, finding.fix) == ("note", "sudo apt install -y python3-picamera2 --no-install-recommends")


def test_pc_has_no_findings_of_a_pi(machine, refuse):
    pc = machine({}, load=refuse(ImportError()))
    for check in (check_libcamera, check_power, check_governor):
        assert [*check(pc)] == []


@pytest.mark.parametrize(
    ("bits", "state", "text"),
    [
        ("0", "ok", "neither under-voltage nor throttling since boot"),
        ("50005", "bad", "under-voltage now: the clock is reduced"),
        ("50000", "note", "under-voltage since boot"),
        ("8", "bad", "throttled now: temperature limit"),
        ("40000", "note", "throttled since boot: throttled"),
    ],
)
def test_power(machine, pi4, bits, state, text):
    power, _ = check_power(machine({**pi4, FIRMWARE: bits}))
    assert (power.state, power.text) == (state, text)


@pytest.mark.parametrize(
    ("millidegrees", "state", "text"),
    [("51121", "ok", "51 degrees C"), ("81000", "bad", "81 degrees C: it is throttled, or about to be")],
)
def test_heat(machine, pi4, millidegrees, state, text):
    _, heat = check_power(machine({**pi4, "sys/class/thermal/thermal_zone0/temp": millidegrees}))
    assert (heat.state, heat.text) == (state, text)


def test_power_is_unknown_where_the_firmware_cannot_be_read(machine, pi4, monkeypatch):
    monkeypatch.setenv("PATH", "")  # no vcgencmd
    del pi4[FIRMWARE]
    power, _ = check_power(machine(pi4))
    assert power.state == "note"
    assert power.text.startswith("under-voltage and throttling are unknown")


@pytest.mark.parametrize(
    ("governor", "driver", "state"),
    [
        ("ondemand", "cpufreq-dt", "ok"),
        ("powersave", "cpufreq-dt", "note"),
        ("powersave", "intel_pstate", "ok"),
        ("powersave", "amd-pstate-epp", "ok"),
    ],
)
def test_governor(machine, governor, driver, state):
    files = {f"{CPUFREQ}/scaling_governor": f"{governor}\n", f"{CPUFREQ}/scaling_driver": f"{driver}\n"}
    (finding,) = check_governor(machine(files))
    assert finding.state == state
    assert state == "ok" or "sudo tee" in finding.fix
