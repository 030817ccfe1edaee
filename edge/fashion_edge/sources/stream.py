"""An rtsp or http stream, or a file behind such a URL; a password in the URL is not shown."""

import re

from fashion_edge.errors import SourceError
from fashion_edge.opencv import cv2
from fashion_edge.sources.base import Source, Wish
from fashion_edge.sources.capture import CvCapture, ReopeningSource, open_video_capture
from fashion_edge.sources.files import VideoSource

OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 4_000
SECRET = re.compile(r"(\w*(?:pas|pwd|token)\w*=|\b(?:\w*[_-])?(?:auth|(?:api)?key)=)[^&]*", re.IGNORECASE)
PICTURE = re.compile(r"^[^?#]*\.(png|gif|webp|bmp|tiff?)($|[?#])", re.IGNORECASE)  # cameras stream under .jpg


def redact(url: str) -> str:
    """An address without user and password, whatever letters they hold; many cameras take them as `password=`."""
    bare = re.sub(r"//.*@", "//***@", url, flags=re.DOTALL)
    return SECRET.sub(r"\1***", bare)


def open_stream(url: str, wish: Wish, *, live: bool = True, paced: bool = False) -> Source:
    """Open a stream, whose loss is an event and which is reopened; or a file, which ends and loses no frame.

    Args:
        url: what FFmpeg opens.
        wish: how long a stream may show the same picture.
        live: of a stream, the newest frame is all that matters.
        paced: a file plays at its own rate.

    Raises:
        SourceError: nothing answers, no picture comes, or it is the address of a single one, which would be lost again
            and again.
    """
    name = redact(url)
    if PICTURE.match(url):
        raise SourceError(f"{name} is a picture, not a stream or a video; download it, and give the file as --source")
    first = [_open(url, name)]
    if first[0].finite:
        first.pop().close()
        return VideoSource(url, paced=paced, name=name, limits=_limits())
    return ReopeningSource(name, lambda: first.pop() if first else _open(url, name), live=live, frozen_s=wish.frozen_s)


def _limits() -> list[int]:
    return [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]


def _open(url: str, name: str) -> CvCapture:
    capture = open_video_capture(url, cv2.CAP_FFMPEG, _limits())
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"stream {name} gives no picture (at most {OPEN_TIMEOUT_MS / 1000:g} s were waited); check the address"
        )
    return CvCapture(capture, name)
