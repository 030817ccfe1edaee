"""Checks of the hardware: V4L2 and CSI cameras, power, temperature, clock."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote

from fashion_edge.doctor.machine import Finding, Machine
from fashion_edge.doctor.software import downgrade_numpy
from fashion_edge.errors import brief
from fashion_edge.isolated import REASON_LENGTH, KilledError
from fashion_edge.sources.camera import Device, Mode, holders, query
from fashion_edge.telemetry import THROTTLE_BITS, read_telemetry

CSI_DRIVERS = ("unicam", "bcm2835-isp", "bcm2835-codec", "rp1-cfe", "pispbe", "rpi-hevc-dec", "bm2835 mmal")
HOT_C = 75.0  # a Pi lowers its clock at 80
SCALING_DRIVERS = ("intel_pstate", "amd-pstate-epp")  # they change the clock with the powersave governor, too
CPUFREQ = "sys/devices/system/cpu/cpu0/cpufreq"
Query = Callable[[str], tuple[Device, list[Mode]]]


def check_cameras(machine: Machine, query: Query = query) -> Iterator[Finding]:
    """V4L2 devices that capture, and whether this user may open them."""
    cameras, csi = 0, False
    for node in machine.glob("dev/video*"):
        name = machine.read(f"sys/class/video4linux/{node.name}/name") or "unknown"
        if any(driver in name for driver in CSI_DRIVERS):
            csi = True
        elif finding := _check_node(name, node, query):
            cameras += 1
            yield finding
    if csi:
        text = "the system has a CSI camera interface: a ribbon camera is --source picamera, not --camera 0"
        yield Finding("camera", "note", text, "fashion-edge --source picamera")
    elif not cameras:
        text = "no camera in /dev/video*: none is plugged in, or its driver is missing"
        yield Finding("camera", "note", text, "lsusb  # does it show the camera?")


def _check_node(name: str, node: Path, query: Query) -> Finding | None:
    """None for nodes that do not capture, such as the second one of a webcam."""
    path = f"/dev/{node.name}"
    if not os.access(node, os.R_OK | os.W_OK):
        text = f"you have no permission to open {path} ({name})"
        return Finding("camera", "bad", text, "sudo usermod -aG video $USER  # then log in again")
    try:
        device, modes = query(str(node))
    except OSError as error:
        return Finding("camera", "bad", f"{path} ({name}) cannot be queried: {error.strerror}", "sudo dmesg | tail")
    if not device.captures:
        return None
    if busy := holders(path):
        return Finding("camera", "note", f"{path} ({device.card}) is in use by {', '.join(busy)}", f"fuser -k {path}")
    where = "USB" if device.bus.startswith("usb") else device.bus.partition(":")[0] or "V4L2"
    sizes = sorted({(mode.width, mode.height) for mode in modes if not mode.largest})
    largest = f", up to {sizes[-1][0]}x{sizes[-1][1]}" if sizes else ""
    formats = ", ".join(dict.fromkeys(mode.fourcc for mode in modes))
    return Finding("camera", "ok", f"{path}: {device.card}, {where}, {formats or 'formats unknown'}{largest}")


def check_libcamera(machine: Machine) -> Iterator[Finding]:
    """picamera2 and libcamera: from apt, visible in a venv, and a camera on the ribbon."""
    if not machine.is_pi and not machine.installed("picamera2"):
        return
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:FATAL")  # its log would be mixed with our output
    try:
        picamera2 = machine.load("picamera2").Picamera2
    except (ImportError, ValueError, AttributeError, OSError) as error:
        yield _why_no_picamera(machine, error)
        return
    cameras = picamera2.global_camera_info()
    if not cameras:
        text = "libcamera finds no camera on the ribbon: check its contacts, or camera_auto_detect=1 in config.txt"
        yield Finding("libcamera", "note", text, "rpicam-hello --list-cameras")
    for camera in cameras:
        kind = "USB" if "usb" in str(camera.get("Id", "")).lower() else "CSI"
        text = f"{camera.get('Model', 'camera')}, {kind}: --source picamera:{camera.get('Num', 0)}"
        yield Finding("libcamera", "ok", text)


def _why_no_picamera(machine: Machine, error: Exception) -> Finding:
    reason = brief(error, REASON_LENGTH)
    if not machine.glob("usr/lib/python3/dist-packages/picamera2"):
        text = f"picamera2 is not installed ({reason}): no CSI camera"
        return Finding("libcamera", "note", text, "sudo apt install -y python3-picamera2 --no-install-recommends")
    if "numpy" in reason:  # it is installed, but built for another version
        return Finding("libcamera", "bad", f"picamera2 cannot be imported ({reason})", downgrade_numpy(machine))
    if machine.in_venv and not isinstance(error, ValueError | KilledError):
        text = f"picamera2 is installed, but this venv does not see the system's packages ({reason})"
        fix = f"python3 -m venv --system-site-packages --upgrade {quote(str(machine.venv))}"
        return Finding("libcamera", "bad", text, fix)
    text = f"picamera2 cannot be imported ({reason})"
    return Finding("libcamera", "bad", text, "sudo apt install --reinstall -y python3-picamera2")


def check_power(machine: Machine) -> Iterator[Finding]:
    """Under-voltage and throttling, now and since boot; temperature."""
    telemetry = read_telemetry(machine.root)
    cooling = "vcgencmd measure_temp  # then a heat sink or a fan"
    if machine.is_pi:
        supply = "vcgencmd get_throttled  # then a 5 V 3 A supply with a short cable"
        now, before = telemetry.throttled, telemetry.throttled_before
        if THROTTLE_BITS[0] in now:
            yield Finding("power", "bad", "under-voltage now: the clock is reduced", supply)
        elif THROTTLE_BITS[0] in before:
            yield Finding("power", "note", "under-voltage since boot", supply)
        elif now:
            yield Finding("power", "bad", f"throttled now: {', '.join(now)}", cooling)
        elif before:
            yield Finding("power", "note", f"throttled since boot: {', '.join(before)}", cooling)
        elif telemetry.throttle_bits is None:
            text = "under-voltage and throttling are unknown: this user cannot read them from the firmware"
            yield Finding("power", "note", text, "sudo vcgencmd get_throttled  # throttled=0x0 is good")
        else:
            yield Finding("power", "ok", "neither under-voltage nor throttling since boot")
    degrees = telemetry.temperature_c
    if degrees is not None and degrees >= HOT_C:
        yield Finding("heat", "bad", f"{degrees:.0f} degrees C: it is throttled, or about to be", cooling)
    elif degrees is not None:
        yield Finding("heat", "ok", f"{degrees:.0f} degrees C")


def check_governor(machine: Machine) -> Iterator[Finding]:
    """The governor of the processor's clock."""
    governor = machine.read(f"{CPUFREQ}/scaling_governor")
    if governor == "powersave" and machine.read(f"{CPUFREQ}/scaling_driver") not in SCALING_DRIVERS:
        fix = "echo ondemand | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
        yield Finding("governor", "note", f"{governor}: the clock stays at its lowest", fix)
    elif governor:
        yield Finding("governor", "ok", governor)
