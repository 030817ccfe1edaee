"""A V4L2 or USB camera by index or /dev path: the size and rate that were asked for, and what was negotiated."""

import errno
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fashion_edge.errors import SourceError
from fashion_edge.opencv import load_cv2
from fashion_edge.sources import v4l2
from fashion_edge.sources.base import Wish
from fashion_edge.sources.capture import CvCapture, open_video_capture
from fashion_edge.sources.reopen import ReopeningSource
from fashion_edge.sources.v4l2 import Mode

SIZE, FPS = (640, 480), 30.0  # asked for where nothing else is: more pixels cost decoding and say no more
READ_TIMEOUT_S = "3"  # a driver that hangs; OpenCV waits for ten
COMPRESSED = ("MJPG", "JPEG")
READABLE = (*COMPRESSED, "YUYV", "UYVY", "NV12", "NV21", "YU12", "YV12", "RGB3", "BGR3", "GREY")  # by OpenCV
RATE_SLACK = 0.5  # frames a second: 29.97 is 30


def open_camera(device: str, wish: Wish, *, live: bool = True) -> ReopeningSource:
    """Open a camera; a loss of it is an event, and it is reopened."""
    path = device if device.startswith("/dev/") else f"/dev/video{device}"
    return ReopeningSource(
        f"camera:{device}", lambda: _open(path, f"camera:{device}", wish), live=live, frozen_s=wish.frozen_s
    )


def choose_mode(modes: Sequence[Mode], size: tuple[int, int], fps: float) -> Mode | None:
    """The mode to ask for: MJPG only where it gives more frames than the raw formats, since decoding costs.

    None where the camera does not tell its modes or has none of this size.
    """
    fitting = [mode for mode in modes if mode.offers(*size) and mode.fourcc in READABLE]
    raw = max((mode for mode in fitting if mode.fourcc not in COMPRESSED), key=lambda mode: mode.fps, default=None)
    packed = max((mode for mode in fitting if mode.fourcc in COMPRESSED), key=lambda mode: mode.fps, default=None)
    if raw is None or packed is None:
        return raw or packed
    return packed if min(packed.fps, fps) > min(raw.fps, fps) + RATE_SLACK else raw


def _open(path: str, name: str, wish: Wish) -> CvCapture:
    modes = _ask(path)
    size, fps = wish.size or SIZE, wish.fps or FPS
    if wish.size and modes and not any(mode.offers(*size) for mode in modes):
        raise SourceError(f"camera {path} has no {size[0]}x{size[1]}; it offers {_sizes(modes)}")
    os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", READ_TIMEOUT_S)
    cv2 = load_cv2()
    capture = open_video_capture(path, cv2.CAP_V4L2)
    if not capture.isOpened():
        capture.release()
        raise SourceError(_why_closed(path))
    _negotiate(cv2, capture, choose_mode(modes, size, fps), size, fps)
    camera = CvCapture(capture, name)
    if wish.size and camera.size != wish.size:
        camera.close()
        width, height = camera.size
        raise SourceError(
            f"camera {path} gives {width}x{height} where {size[0]}x{size[1]} was asked for; change --size"
        )
    if wish.fps and abs(camera.fps - wish.fps) > RATE_SLACK:
        return CvCapture(capture, name, f" ({wish.fps:g} were asked for)")
    return camera


def _ask(path: str) -> list[Mode]:
    """The modes of a camera; empty where its driver does not tell."""
    if not Path(path).exists():
        there = ", ".join(sorted(str(device) for device in Path("/dev").glob("video*"))) or "no /dev/video*"
        raise SourceError(f"camera {path} does not exist ({there} found); run fashion-doctor to see cameras")
    try:
        device, modes = v4l2.query(path)
    except PermissionError as error:
        raise SourceError(
            f"camera {path} may not be opened by you; sudo usermod -aG video $USER, then log in"
        ) from error
    except OSError as error:
        raise SourceError(
            f"camera {path} cannot be opened: "
            f"{'it is no camera' if error.errno == errno.ENOTTY else error.strerror}; run fashion-doctor to see cameras"
        ) from error
    if not device.captures:
        raise SourceError(f"{path} ({device.card}) gives no pictures; run fashion-doctor to see cameras")
    return modes


def _negotiate(cv2: Any, capture: Any, mode: Mode | None, size: tuple[int, int], fps: float) -> None:
    if mode is not None:
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*mode.fourcc.ljust(4)))
    capture.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    capture.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    capture.set(cv2.CAP_PROP_FPS, fps)


def _sizes(modes: Sequence[Mode]) -> str:
    ranges = {f"{m.width}x{m.height} to {m.largest[0]}x{m.largest[1]}" for m in modes if m.largest}
    sizes = sorted({(mode.width, mode.height) for mode in modes if not mode.largest})
    return ", ".join([*(f"{width}x{height}" for width, height in sizes), *sorted(ranges)])


def _why_closed(path: str) -> str:
    if busy := v4l2.holders(path):
        return f"camera {path} is in use by {', '.join(busy)}; end that program first"
    return f"camera {path} cannot be opened: busy, or its pictures are in no format OpenCV reads; run fashion-doctor"
