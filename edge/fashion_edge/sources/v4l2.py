"""What a V4L2 device says of itself, asked of the kernel: who it is, and the sizes, formats and rates it offers.

Constants and structures: linux/videodev2.h (https://docs.kernel.org/userspace-api/media/v4l/user-func.html).
"""

import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

QUERYCAP, ENUM_FMT, ENUM_SIZES, ENUM_INTERVALS = 0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B
CAPTURE, CAPTURE_MPLANE, M2M, M2M_MPLANE = 0x1, 0x1000, 0x8000, 0x4000
DEVICE_CAPS = 0x80000000
BUF_CAPTURE, BUF_CAPTURE_MPLANE = 1, 9
DISCRETE = 1
MOST = 256  # entries of one list: a driver that never ends is broken

Ioctl = Callable[[int, int, bytearray], object]


@dataclass(frozen=True)
class Device:
    """Who a device is."""

    driver: str
    card: str  # the name a person knows
    bus: str  # "usb-0000:01:00.0-1.2", "platform:fe801000.csi"
    captures: bool  # a camera, and not a metadata node, encoder or radio
    multiplanar: bool = False


@dataclass(frozen=True)
class Mode:
    """One format and size, with the highest rate at it; a range of sizes where the largest differs."""

    fourcc: str
    width: int
    height: int
    fps: float  # 0.0 where the driver does not tell
    largest: tuple[int, int] | None = None  # stepwise: any size from (width, height) up to this

    def offers(self, width: int, height: int) -> bool:
        """Whether frames of this size can be had."""
        if self.largest is None:
            return (width, height) == (self.width, self.height)
        return self.width <= width <= self.largest[0] and self.height <= height <= self.largest[1]


def query(path: str, ioctl: Ioctl = fcntl.ioctl) -> tuple[Device, list[Mode]]:
    """Ask a device.

    Raises:
        OSError: it is not there, may not be opened, or is no V4L2 device.
    """
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        device = _identify(fd, ioctl)
        return device, list(_modes(fd, device, ioctl)) if device.captures else []
    finally:
        os.close(fd)


def holders(path: str, proc: Path = Path("/proc")) -> list[str]:
    """Programs that hold a device open, as `name (pid)`; those of other users stay unseen."""
    device, found = os.path.realpath(path), []  # /dev/v4l/by-id/... is a link to it
    for entry in sorted(proc.glob("[0-9]*")):
        if entry.name == str(os.getpid()):
            continue
        try:
            held = any(str(link.readlink()) == device for link in (entry / "fd").iterdir())
            name = (entry / "comm").read_text().strip() if held else ""
        except OSError:  # it ended meanwhile, or is not ours to look at
            continue
        if held:
            found.append(f"{name} ({entry.name})")
    return found


def _identify(fd: int, ioctl: Ioctl) -> Device:
    data = bytearray(104)
    ioctl(fd, QUERYCAP, data)
    driver, card, bus, _, caps, device_caps = struct.unpack_from("16s32s32sIII", data)
    caps = device_caps if caps & DEVICE_CAPS else caps
    captures = bool(caps & (CAPTURE | CAPTURE_MPLANE)) and not caps & (M2M | M2M_MPLANE)
    return Device(_text(driver), _text(card), _text(bus), captures, bool(caps & CAPTURE_MPLANE))


def _modes(fd: int, device: Device, ioctl: Ioctl) -> Iterator[Mode]:
    kind = BUF_CAPTURE_MPLANE if device.multiplanar else BUF_CAPTURE
    for data in _enumerate(fd, ENUM_FMT, 64, lambda i: struct.pack("II", i, kind), ioctl):
        (code,) = struct.unpack_from("I", data, 44)
        fourcc = code.to_bytes(4, "little").decode("latin-1").strip()
        for size in _enumerate(fd, ENUM_SIZES, 44, lambda i, code=code: struct.pack("II", i, code), ioctl):  # type: ignore[misc]
            (shape,) = struct.unpack_from("I", size, 8)
            if shape == DISCRETE:
                width, height = struct.unpack_from("II", size, 12)
                yield Mode(fourcc, width, height, _fastest(fd, code, width, height, ioctl))
            else:
                least_w, most_w, _, least_h, most_h, _ = struct.unpack_from("6I", size, 12)
                yield Mode(fourcc, least_w, least_h, _fastest(fd, code, least_w, least_h, ioctl), (most_w, most_h))


def _fastest(fd: int, code: int, width: int, height: int, ioctl: Ioctl) -> float:
    best = 0.0
    ask = struct.Struct("IIII")
    for data in _enumerate(fd, ENUM_INTERVALS, 52, lambda i: ask.pack(i, code, width, height), ioctl):
        seconds, parts = struct.unpack_from("II", data, 20)  # the shortest interval, stepwise or not
        best = max(best, parts / seconds if seconds else 0.0)
    return best


def _enumerate(fd: int, request: int, size: int, ask: Callable[[int], bytes], ioctl: Ioctl) -> Iterator[bytes]:
    for index in range(MOST):
        data = bytearray(ask(index).ljust(size, b"\0"))
        try:
            ioctl(fd, request, data)
        except OSError:  # EINVAL ends the list; ENOTTY: the driver does not keep one
            return
        yield bytes(data)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")
