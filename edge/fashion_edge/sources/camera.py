"""A V4L2 or USB camera by index or /dev path. Own ioctls, since the libraries for them are GPL."""

import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fashion_edge.errors import SourceError
from fashion_edge.opencv import cv2
from fashion_edge.sources.base import CameraSettings
from fashion_edge.sources.device import CvCapture, ReopeningSource, open_video_capture

QUERYCAP, ENUM_FMT, ENUM_SIZES, ENUM_INTERVALS = 0x80685600, 0xC0405602, 0xC02C564A, 0xC034564B
CAPTURE, CAPTURE_MPLANE, M2M, M2M_MPLANE = 0x1, 0x1000, 0x8000, 0x4000
DEVICE_CAPS = 0x80000000
BUF_CAPTURE, BUF_CAPTURE_MPLANE = 1, 9
DISCRETE = 1
MAX_ENTRIES = 256  # of one list: a driver whose list does not end is broken

Ioctl = Callable[[int, int, bytearray], object]
SIZE, FPS = (640, 480), 30.0  # default: more pixels cost decoding and give no better labels
READ_TIMEOUT_S = "3"  # OpenCV would wait ten for a driver that hangs
COMPRESSED = ("MJPG", "JPEG")
READABLE = (*COMPRESSED, "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "RGB3", "BGR3", "GREY")  # by OpenCV
RATE_SLACK = 0.5  # frames a second: 29.97 is 30


@dataclass(frozen=True)
class Device:
    """Identity of a device."""

    driver: str
    card: str  # the product name
    bus: str  # "usb-0000:01:00.0-1.2", "platform:fe801000.csi"
    captures: bool  # a camera, not a metadata node, encoder or radio
    multiplanar: bool = False


@dataclass(frozen=True)
class Mode:
    """One format and size, with the highest rate at it; a range of sizes where the largest differs."""

    fourcc: str
    width: int
    height: int
    fps: float  # 0.0 where the driver does not report it
    largest: tuple[int, int] | None = None  # stepwise: any size from (width, height) up to this

    def offers(self, width: int, height: int) -> bool:
        """Whether frames of this size are available."""
        if self.largest is None:
            return (width, height) == (self.width, self.height)
        return self.width <= width <= self.largest[0] and self.height <= height <= self.largest[1]


def query(path: str, ioctl: Ioctl = fcntl.ioctl) -> tuple[Device, list[Mode]]:
    """Read the identity and the modes of a device."""
    fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        device = _identify(fd, ioctl)
        return device, list(_modes(fd, device, ioctl)) if device.captures else []
    finally:
        os.close(fd)


def holders(path: str, proc: Path = Path("/proc")) -> list[str]:
    """Programs that hold a device open, as `name (pid)`; those of other users are not visible."""
    device, found = os.path.realpath(path), []  # /dev/v4l/by-id/... is a link to it
    for entry in sorted(proc.glob("[0-9]*")):
        with suppress(OSError):  # it ended meanwhile, or belongs to another user
            held = any(str(link.readlink()) == device for link in (entry / "fd").iterdir())
            if held and entry.name != str(os.getpid()):
                found.append(f"{(entry / 'comm').read_text().strip()} ({entry.name})")
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
    for data in _enumerate(fd, ioctl, ENUM_FMT, 64, kind):
        (code,) = struct.unpack_from("I", data, 44)
        fourcc = code.to_bytes(4, "little").decode("latin-1").strip()
        for size in _enumerate(fd, ioctl, ENUM_SIZES, 44, code):
            shape, *sizes = struct.unpack_from("7I", size, 8)
            width, height = sizes[:2] if shape == DISCRETE else sizes[0:4:3]
            largest = None if shape == DISCRETE else (sizes[1], sizes[4])
            intervals = _enumerate(fd, ioctl, ENUM_INTERVALS, 52, code, width, height)
            rates = [struct.unpack_from("II", entry, 20) for entry in intervals]  # the shortest, stepwise or not
            fps = max((parts / seconds for seconds, parts in rates if seconds), default=0.0)
            yield Mode(fourcc, width, height, fps, largest)


def _enumerate(fd: int, ioctl: Ioctl, request: int, size: int, *fields: int) -> Iterator[bytes]:
    for index in range(MAX_ENTRIES):
        data = bytearray(struct.pack(f"{1 + len(fields)}I", index, *fields).ljust(size, b"\0"))
        try:
            ioctl(fd, request, data)
        except OSError:  # EINVAL ends the list; ENOTTY: the driver has none
            return
        yield bytes(data)


def _text(field: bytes) -> str:
    return field.split(b"\0", 1)[0].decode("utf-8", "replace")


def open_camera(device: str, settings: CameraSettings, *, live: bool = True) -> ReopeningSource:
    """Open a camera, which is reopened after a loss."""
    path = device if device.startswith("/dev/") else f"/dev/video{device}"
    name = f"camera:{device}"
    return ReopeningSource(name, lambda: _open(path, name, settings), live=live, frozen_s=settings.frozen_s)


def choose_mode(modes: Sequence[Mode], size: tuple[int, int], fps: float) -> Mode | None:
    """Choose MJPG only where it is faster than the raw formats, since it must be decoded; None if no mode fits."""
    fitting = [mode for mode in modes if mode.offers(*size) and mode.fourcc in READABLE]
    fitting.sort(key=lambda mode: -mode.fps)
    raw = next((mode for mode in fitting if mode.fourcc not in COMPRESSED), None)
    packed = next((mode for mode in fitting if mode.fourcc in COMPRESSED), None)
    faster = raw and packed and min(packed.fps, fps) > min(raw.fps, fps) + RATE_SLACK
    return packed if faster else raw or packed


def _open(path: str, name: str, settings: CameraSettings) -> CvCapture:
    modes = _read_modes(path)
    size, fps = settings.size or SIZE, settings.fps or FPS
    if settings.size and modes and not any(mode.offers(*size) for mode in modes):
        raise SourceError(f"camera {path} has no {size[0]}x{size[1]}; it offers {_list_sizes(modes)}")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", READ_TIMEOUT_S)
    capture = open_video_capture(path, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        busy = ", ".join(holders(path))
        why = f"is in use by {busy}; end that program first"
        unknown = "cannot be opened: busy, or in a format that OpenCV does not read; run fashion-doctor"
        raise SourceError(f"camera {path} {why if busy else unknown}")
    if mode := choose_mode(modes, size, fps):
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*mode.fourcc.ljust(4)))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_FPS, fps)
    camera = CvCapture(capture, name)
    if settings.size and camera.size != settings.size:
        camera.close()
        width, height = camera.size
        raise SourceError(f"camera {path} gives {width}x{height} instead of {size[0]}x{size[1]}; change --size")
    if settings.fps and abs(camera.fps - settings.fps) > RATE_SLACK:
        return CvCapture(capture, name, f" (--fps {settings.fps:g} is not available)")
    return camera


def _read_modes(path: str) -> list[Mode]:
    """The modes of a camera; empty where its driver does not report them."""
    if not Path(path).exists():
        found = ", ".join(sorted(str(device) for device in Path("/dev").glob("video*"))) or "no /dev/video*"
        raise SourceError(f"camera {path} does not exist ({found} found); run fashion-doctor to see cameras")
    try:
        device, modes = query(path)
    except PermissionError as error:
        fix = "sudo usermod -aG video $USER, then log in again"
        raise SourceError(f"camera {path}: permission denied; {fix}") from error
    except OSError as error:
        reason = "it is not a camera" if error.errno == errno.ENOTTY else error.strerror
        raise SourceError(f"camera {path} cannot be opened: {reason}; run fashion-doctor to see cameras") from error
    if not device.captures:
        raise SourceError(f"{path} ({device.card}) gives no pictures; run fashion-doctor to see cameras")
    return modes


def _list_sizes(modes: Sequence[Mode]) -> str:
    ranges = {f"{m.width}x{m.height} to {m.largest[0]}x{m.largest[1]}" for m in modes if m.largest}
    sizes = sorted({(mode.width, mode.height) for mode in modes if not mode.largest})
    return ", ".join([*(f"{width}x{height}" for width, height in sizes), *sorted(ranges)])
