"""An rtsp or http stream; a password in the URL is not shown."""

import re

from fashion_edge.errors import SourceError
from fashion_edge.opencv import load_cv2
from fashion_edge.sources.base import Wish
from fashion_edge.sources.capture import CvCapture, open_video_capture
from fashion_edge.sources.reopen import ReopeningSource

OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 4_000


def open_stream(url: str, wish: Wish, *, live: bool = True) -> ReopeningSource:
    """Open a stream; a loss of it is an event, and it is reopened."""
    name = re.sub(r"//[^/@]*@", "//***@", url)
    return ReopeningSource(name, lambda: _open(url, name), live=live, frozen_s=wish.frozen_s)


def _open(url: str, name: str) -> CvCapture:
    cv2 = load_cv2()
    limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    capture = open_video_capture(url, cv2.CAP_FFMPEG, limits)
    if not capture.isOpened():
        capture.release()
        raise SourceError(
            f"stream {name} gives no picture (at most {OPEN_TIMEOUT_MS / 1000:g} s were waited); check the address"
        )
    return CvCapture(capture, name)
