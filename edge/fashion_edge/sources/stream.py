"""An rtsp or http stream, or a video file behind such a URL; messages do not show a password in it."""

import re

from fashion_edge.errors import SourceError
from fashion_edge.opencv import cv2
from fashion_edge.sources.base import CameraSettings, Source
from fashion_edge.sources.device import CvCapture, ReopeningSource, open_video_capture
from fashion_edge.sources.files import VideoSource

OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 4_000
SECRET = re.compile(r"(\w*(?:pas|pwd|token)\w*=|\b(?:\w*[_-])?(?:auth|(?:api)?key)=)[^&]*", re.IGNORECASE)
PICTURE = re.compile(r"^[^?#]*\.(png|gif|webp|bmp|tiff?)($|[?#])", re.IGNORECASE)  # cameras stream under .jpg


def redact(url: str) -> str:
    """A URL without user and password, which many cameras take as `password=`."""
    bare = re.sub(r"//.*@", "//***@", url, flags=re.DOTALL)
    return SECRET.sub(r"\1***", bare)


def open_stream(url: str, camera: CameraSettings, *, live: bool = True, paced: bool = False) -> Source:
    """Open a stream, which is reopened after a loss, or a file, which ends and loses no frame.

    Args:
        url: what FFmpeg opens.
        camera: how long a stream may show the same picture.
        live: only the newest frame of a stream matters.
        paced: a file plays at its own rate.

    Raises:
        SourceError: there is no answer or no picture, or the URL is that of a single picture.
    """
    name = redact(url)
    if PICTURE.match(url):
        raise SourceError(f"{name} is a picture, not a stream or a video; download it, and give the file as --source")
    first = [_open(url, name)]
    if first[0].finite:
        first.pop().close()
        return VideoSource(url, paced=paced, name=name, timeouts=_timeouts())
    return ReopeningSource(
        name, lambda: first.pop() if first else _open(url, name), live=live, frozen_s=camera.frozen_s
    )


def _timeouts() -> list[int]:
    return [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]


def _open(url: str, name: str) -> CvCapture:
    capture = open_video_capture(url, cv2.CAP_FFMPEG, _timeouts())
    if not capture.isOpened():
        capture.release()
        seconds = OPEN_TIMEOUT_MS / 1000
        raise SourceError(f"stream {name} gives no picture within {seconds:g} s; check the address")
    return CvCapture(capture, name)
