"""Motion JPEG over HTTP: the newest complete picture of a multipart answer.

Cameras disagree about boundaries, Content-Type and Content-Length, so a picture is found by its own markers.
"""

import re
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import chain
from ssl import SSLError
from urllib.request import getproxies, proxy_bypass

import numpy as np

from fashion_edge.errors import SourceError
from fashion_edge.images import MAX_PIXELS, MEGAPIXELS
from fashion_edge.opencv import cv2
from fashion_edge.sources.connect import READ_TIMEOUT_S, Address, Connection, explain_answer, explain_error
from fashion_edge.sources.device import DEFAULT_FPS, Shot, StampClock

MAX_JPEG_BYTES = 32 << 20
START = b"\xff\xd8\xff"
MARKER = re.compile(rb"\xff([\xc0-\xcf\xd8-\xfe])")  # not ff 00 and ff d0 to ff d7, which compressed data contains
STAMP = re.compile(rb"x-timestamp: *(\d{1,12}\.?\d{0,9})", re.IGNORECASE)  # of ESP32, mjpg-streamer and uStreamer
HEADER_BYTES = 1 << 10
IMAGE, END, SCAN = 0xD8, 0xD9, 0xDA
SIZES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # segments that declare the size


class _DamagedError(Exception):
    """A picture that breaks off, or is too large."""


class JpegReader:
    """Finds the JPEGs in a stream of bytes, without those inside of others; looks at each byte once."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.size = 0, 0  # width and height of the newest picture
        self.began_at = 0.0  # monotonic seconds at which its first bytes came
        self.stamp = 0.0  # seconds on the camera's clock; 0 if it tells none
        self.problem = ""  # of the newest picture that was skipped
        self._pieces = iter(pieces)
        self._data = bytearray()
        self._at = 0

    def read(self) -> bytes | None:
        """Return the next complete picture; None at the end of the stream."""
        while True:
            try:
                self._find_start()
                return self._read_picture()
            except _DamagedError as error:
                self.problem = str(error)
            except StopIteration:
                return None

    def _find_start(self) -> None:
        """Drop what comes before a picture: headers, or the rest of a damaged one."""
        del self._data[: self._at]
        while (start := self._data.find(START)) < 0:
            del self._data[:-HEADER_BYTES]
            self._data += next(self._pieces)
        stamps = STAMP.findall(self._data[:start])
        self.stamp = float(stamps[-1]) if stamps else 0.0
        del self._data[:start]
        self._at, self.began_at = 2, time.monotonic()

    def _read_picture(self) -> bytes:
        """Walk over the segments: compressed data follows some, up to the next marker."""
        kind = IMAGE
        while kind != END:
            former, begin = kind, self._at
            kind = self._find_marker()
            if kind == IMAGE or (former != SCAN and self._data[begin : self._at - 2].strip(b"\xff")):
                self._at -= 2
                raise _DamagedError("sends pictures that break off")
            if kind != END:
                segment = self._take(int.from_bytes(self._take(2)) - 2)
                if kind in SIZES:
                    self._check_size(segment)
        return bytes(self._data[: self._at])

    def _find_marker(self) -> int:
        while (found := MARKER.search(self._data, self._at)) is None:
            self._at = max(self._at, len(self._data) - 1)
            self._receive()
        self._at = found.end()
        return found[1][0]

    def _take(self, count: int) -> bytearray:
        begin, self._at = self._at, self._at + max(count, 0)
        while len(self._data) < self._at:
            self._receive()
        return self._data[begin : self._at]

    def _receive(self) -> None:
        if len(self._data) > MAX_JPEG_BYTES:
            raise _DamagedError(f"sends pictures of more than {MAX_JPEG_BYTES >> 20} MB")
        self._data += next(self._pieces)

    def _check_size(self, segment: bytearray) -> None:
        height, width = int.from_bytes(segment[1:3]), int.from_bytes(segment[3:5])
        self.size = width, height
        if width * height > MAX_PIXELS:
            raise _DamagedError(f"declares frames of {width}x{height}, above the limit of {MEGAPIXELS}")


class MjpegCapture:
    """A camera that is read in a thread: while a picture is decoded, newer ones replace each other."""

    fps = DEFAULT_FPS  # the protocol tells none
    finite = False

    def __init__(self, connection: Connection, pieces: Iterable[bytes], name: str, *, every_frame: bool) -> None:
        self._connection = connection
        self._jpegs = JpegReader(pieces)
        self._name = name
        self._every_frame = every_frame
        self._changed = threading.Condition()
        self.stamps: StampClock | None = None
        self._slot: tuple[bytes, float] | None = None
        self._ended = False
        threading.Thread(target=self._receive, name="mjpeg", daemon=True).start()
        if not self._wait(READ_TIMEOUT_S):
            self.close()
            problem = self._jpegs.problem or "answers, but sends no complete JPEG"
            raise SourceError(f"stream {name} {problem}; check it in a browser, or restart the camera")

    def read(self) -> Shot | None:
        """Decode the newest picture; one that does not decode is skipped."""
        until = time.monotonic() + READ_TIMEOUT_S
        while self._wait(until - time.monotonic()):
            with self._changed:
                slot, self._slot = self._slot, None
                self._changed.notify_all()
            assert slot is not None
            data, captured_at = slot
            started = time.monotonic()
            with suppress(cv2.error):
                if (image := cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)) is not None:
                    return Shot(image, captured_at, time.monotonic() - started)
        return None

    def describe(self) -> str:
        """Size and format."""
        width, height = self._jpegs.size
        return f"{self._name}: {width}x{height} motion JPEG"

    def close(self) -> None:
        """Hang up."""
        self._connection.close()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def _wait(self, seconds: float) -> bool:
        """Wait for a picture; returns whether there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self._slot or self._ended, seconds)
            return self._slot is not None and seconds > 0

    def _receive(self) -> None:
        former = 0.0
        try:
            while not self._ended and (data := self._jpegs.read()) is not None:
                captured_at, stamp = self._jpegs.began_at, self._jpegs.stamp
                if self.stamps is not None and stamp > former:  # a clock that stands tells nothing
                    captured_at = self.stamps.captured_at(captured_at, stamp)
                former = stamp
                with self._changed:
                    self._changed.wait_for(lambda: not (self._every_frame and self._slot) or self._ended)
                    self._slot = data, captured_at
                    self._changed.notify_all()
        except (OSError, ValueError):  # no data in time, no connection, or closed by us
            pass
        finally:
            self.close()


def open_mjpeg(url: str, name: str, *, every_frame: bool = False) -> MjpegCapture | None:
    """Open an HTTP address; None where its answer is not motion JPEG, or a proxy is between.

    Args:
        url: the address, with user and password where the camera asks for them.
        name: the address in messages.
        every_frame: keep each picture until it is read, instead of the newest.

    Raises:
        SourceError: the server cannot be reached, refuses, or sends what is not a video.
    """
    connection = Connection()
    try:
        address = Address.parse(url)
        if address.scheme in getproxies() and not proxy_bypass(address.authority):
            return None
        answer = connection.ask(url)
    except (ValueError, SSLError):  # not HTTP as we know it: FFmpeg may know more
        return None
    except OSError as error:
        raise SourceError(f"stream {name} {explain_error(error, url)}") from error
    reason, pieces, first = explain_answer(answer, url), answer.body(), b""
    kind = answer.headers.get_content_type()
    if answer.status == 200 and kind in ("text/plain", "application/octet-stream", "image/jpeg", "image/jpg"):
        with suppress(OSError):  # no data in time; text/plain also stands for no type
            first = next(pieces, b"")
    if first.lstrip().startswith(b"--") or (reason is None and kind.startswith("multipart/")):
        return MjpegCapture(connection, chain([first], pieces), name, every_frame=every_frame)
    connection.close()
    if reason is not None:
        raise SourceError(f"stream {name} {reason}")
    return None
