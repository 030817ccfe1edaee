"""Cameras: what V4L2 shows, what libcamera finds, and which of the two a camera is for."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote

from fashion_edge.doctor.installation import back_to_numpy_1
from fashion_edge.doctor.machine import REASON, Finding, KilledError, Machine
from fashion_edge.errors import brief
from fashion_edge.sources.camera import Device, Mode, holders, query

CSI_DRIVERS = ("unicam", "bcm2835-isp", "bcm2835-codec", "rp1-cfe", "pispbe", "rpi-hevc-dec", "bm2835 mmal")
Query = Callable[[str], tuple[Device, list[Mode]]]


def check_cameras(machine: Machine, query: Query = query) -> Iterator[Finding]:
    """V4L2 devices that give pictures, and whether this user may open them."""
    nodes = machine.glob("dev/video*")
    cameras, csi = 0, False
    for node in nodes:
        path = f"/dev/{node.name}"
        name = machine.read(f"sys/class/video4linux/{node.name}/name") or "unknown"
        if any(driver in name for driver in CSI_DRIVERS):
            csi = True
            continue
        if not os.access(node, os.R_OK | os.W_OK):
            cameras += 1
            mend = "sudo usermod -aG video $USER  # then log in again"
            yield Finding("camera", "bad", f"{path} ({name}) may not be opened by you", mend)
            continue
        finding = _look(path, name, node, query)
        cameras += finding is not None
        yield from [finding] if finding else []
    if csi:
        text = "the system has a CSI camera interface: a ribbon camera is --source picamera, not --camera 0"
        yield Finding("camera", "note", text, "fashion-edge --source picamera")
    elif not cameras:
        text = "no camera in /dev/video*: none is plugged in, or its driver is missing"
        yield Finding("camera", "note", text, "lsusb  # does it show the camera?")


def _look(path: str, name: str, node: Path, query: Query) -> Finding | None:
    """None for nodes that give no pictures, such as the second one of a webcam."""
    try:
        device, modes = query(str(node))
    except OSError as error:
        return Finding("camera", "bad", f"{path} ({name}) cannot be asked: {error.strerror}", "sudo dmesg | tail")
    if not device.captures:
        return None
    busy = holders(path)
    if busy:
        return Finding("camera", "note", f"{path} ({device.card}) is in use by {', '.join(busy)}", f"fuser -k {path}")
    where = "USB" if device.bus.startswith("usb") else device.bus.partition(":")[0] or "V4L2"
    sizes = sorted({(mode.width, mode.height) for mode in modes if not mode.largest})
    offers = f", up to {sizes[-1][0]}x{sizes[-1][1]}" if sizes else ""
    formats = ", ".join(dict.fromkeys(mode.fourcc for mode in modes))
    return Finding("camera", "ok", f"{path}: {device.card}, {where}, {formats or 'formats unknown'}{offers}")


def check_libcamera(machine: Machine) -> Iterator[Finding]:
    """picamera2 and libcamera: from apt, seen from within a venv, and a camera on the ribbon."""
    if not machine.is_pi and not machine.installed("picamera2"):
        return
    apt = machine.glob("usr/lib/python3/dist-packages/picamera2") != []
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:FATAL")  # or its own report stands amid ours
    try:
        picamera2 = machine.load("picamera2").Picamera2
    except (ImportError, ValueError, AttributeError, OSError) as error:
        yield _why_no_picamera(machine, error, apt=apt)
        return
    cameras = picamera2.global_camera_info()
    if not cameras:
        text = "libcamera finds no camera on the ribbon: contacts, or camera_auto_detect=1 in config.txt"
        yield Finding("libcamera", "note", text, "rpicam-hello --list-cameras")
    for camera in cameras:
        kind = "USB" if "usb" in str(camera.get("Id", "")).lower() else "CSI"
        text = f"{camera.get('Model', 'camera')}, {kind}: --source picamera:{camera.get('Num', 0)}"
        yield Finding("libcamera", "ok", text)


def _why_no_picamera(machine: Machine, error: Exception, *, apt: bool) -> Finding:
    reason = brief(error, REASON)
    if not apt:
        text = f"picamera2 is not installed ({reason}): no CSI camera"
        return Finding("libcamera", "note", text, "sudo apt install -y python3-picamera2 --no-install-recommends")
    if "numpy" in reason:  # it is there, and was built for another
        return Finding("libcamera", "bad", f"picamera2 cannot be imported ({reason})", back_to_numpy_1(machine))
    if machine.in_venv and not isinstance(error, ValueError | KilledError):
        text = f"picamera2 is installed, but this venv does not see the system's packages ({reason})"
        mend = f"python3 -m venv --system-site-packages --upgrade {quote(str(machine.venv))}"
        return Finding("libcamera", "bad", text, mend)
    text = f"picamera2 cannot be imported ({reason})"
    return Finding("libcamera", "bad", text, "sudo apt install --reinstall -y python3-picamera2")
