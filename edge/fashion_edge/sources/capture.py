"""A source that may go away and come back: a loss is an event, never an invented frame."""

import os
import time
import zlib
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item, Tick
from fashion_edge.images import MAX_PIXELS
from fashion_edge.opencv import cv2
from fashion_edge.sources.base import FROZEN_S

SENSOR_CLOCK_SLACK_S = 2.0  # a driver's time stamp further off than this is of another clock
DEFAULT_FPS = 30.0
CLOCK = 1000.0  # frames a second: the milliseconds of a container that tells no rate, as that of a browser's recording
SPOILT = 5  # pictures in a row that may not decode, as a loose plug or a bad link spoils one, before a source is lost
SPOILT_S = 0.5  # and for how long: a read that timed out is not tried again


@dataclass(frozen=True, slots=True)
class Shot:
    """What one read gave."""

    image: NDArray[np.uint8]  # (h, w, 3) B, G, R; the reader's own
    captured_at: float  # seconds on time.monotonic()'s clock
    capture_s: float = 0.0  # to decode it


class Capture(Protocol):
    """An open device or stream."""

    fps: float

    def read(self) -> Shot | None:
        """Wait for the next picture; None when there is none."""
        ...

    def describe(self) -> str:
        """Size, rate and format, as negotiated."""
        ...

    def close(self) -> None:
        """Release the device; a second call does nothing."""
        ...


class SensorClock:
    """Which of a driver's time stamps are of time.monotonic()'s clock, if any.

    The first that fits proves it: after it an old stamp is that of an old frame, as they wait in a driver while the
    program is stopped.
    """

    def __init__(self) -> None:
        self._ours: int | None = None  # the place of the stamp that is
        self._last = 0.0

    def captured_at(self, now: float, *stamps: float) -> float:
        """The one of these times, in seconds, at which a frame that came now was captured; else now."""
        if self._ours is None:
            self._ours = next((i for i, at in enumerate(stamps) if 0 <= now - at <= SENSOR_CLOCK_SLACK_S), None)
        at = now if self._ours is None else stamps[self._ours]
        if not self._last < at <= now:  # stamps only grow: this one is wrong
            return now
        self._last = at
        return at


class CvCapture:
    """OpenCV's VideoCapture, believed only as far as its frames."""

    def __init__(self, capture: Any, name: str, note: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._capture = capture
        self._name = name
        self._note = note
        self._clock = clock
        self._stamps = SensorClock() if capture.getBackendName() == "V4L2" else None
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps < CLOCK else DEFAULT_FPS
        frames = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))  # what a file declares; 0 or less for the rest
        self.frames = int(frames * self.fps / fps if fps >= CLOCK else frames)  # OpenCV counts seconds times the rate
        self.finite = self.frames > 0  # it ends, and its end is no loss
        self._refuse_giants()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as negotiated."""
        get = self._capture.get
        return int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT))

    def read(self) -> Shot | None:
        """Grab, stamp, decode; the result is checked before anything is converted.

        Of a live source a picture that does not decode is left out for the next one.
        """
        if self.finite:
            return self._read_file()
        until = self._clock() + SPOILT_S
        for _ in range(SPOILT):
            if shot := self._read_live():
                return shot
            if self._clock() >= until:
                break
        return None

    def _read_live(self) -> Shot | None:
        if not self._capture.grab():
            return None
        captured_at = self._sensor_time(self._clock())
        started = self._clock()
        try:
            ok, image = self._capture.retrieve()
        except cv2.error:  # of a buffer without a byte, where the rest gives False
            return None
        if not ok or image is None or image.size == 0:
            return None
        return Shot(image, captured_at, self._clock() - started)

    def _read_file(self) -> Shot | None:
        """All in one call: nobody waits for a sensor, and the interpreter lock is let go and taken once."""
        started = self._clock()
        ok, image = self._capture.read()
        return Shot(image, started, self._clock() - started) if ok and image is not None and image.size else None

    def position_s(self) -> float:
        """Where the frame last read stands in its file."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def describe(self) -> str:
        """Size, format and rate."""
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        letters = code.to_bytes(4, "little").decode("ascii", "replace").strip()
        words = f" {letters}" if letters and letters.isprintable() and letters.isascii() else ""
        width, height = self.size
        return f"{self._name}: {width}x{height}{words}, {self.fps:g} frames/s{self._note}"

    def close(self) -> None:
        """Release the device."""
        self._capture.release()

    def _sensor_time(self, now: float) -> float:
        """The driver's own time of the buffer where it is on the monotonic clock, as V4L2 has it; else now."""
        return now if self._stamps is None else self._stamps.captured_at(now, self.position_s())

    def _refuse_giants(self) -> None:
        width, height = self.size
        if width * height > MAX_PIXELS:
            self.close()
            raise SourceError(
                f"{self._name} declares frames of {width}x{height}, above the limit of {MAX_PIXELS / 1e6:g} megapixels"
            )


def open_video_capture(*args: Any) -> Any:
    """`cv2.VideoCapture(*args)`, whose own chatter says in three lines what our error says in one."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first capture is opened
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)  # the function moved in OpenCV 5
    return cv2.VideoCapture(*args)


BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)  # waits between attempts to reopen; the last one repeats
STEADY_S = 10.0  # what lived so long starts anew with the shortest wait: a loose plug does not
GRID = 16  # every so many pixels are compared first


class ReopeningSource:
    """Cameras and streams. Only a frame proves that one is open: what the driver says of itself is not asked."""

    still = False
    ahead = False
    length = None

    def __init__(
        self,
        name: str,
        open_capture: Callable[[], Capture],
        *,
        live: bool = True,
        frozen_s: float = FROZEN_S,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.live = live
        self._open_capture = open_capture
        self._frozen_s = frozen_s
        self._pause = pause
        self._clock = clock
        self._attempt = 0
        self._capture, self._shot = self._open()
        self.fps = self._capture.fps

    def describe(self) -> str:
        """Size, rate and format, as negotiated."""
        return self._capture.describe()

    def items(self) -> Generator[Item, None, None]:
        """Frames for as long as anybody asks; a lost source is reopened with growing pauses."""
        items = self._items()
        next(items)  # into its `try`: closing a generator that was never begun would leave the device open
        return items

    def _items(self) -> Generator[Item, None, None]:
        """A tick first, which `items` takes."""
        index, still = 0, Stillness(self._frozen_s)
        try:
            yield Tick(self._clock())
            while True:
                opened_at = self._clock()
                shot: Shot | None = self._shot
                while shot is not None and not still.holds(shot.image, self._clock()):
                    yield Frame(shot.image, index, shot.captured_at, self.name, shot.capture_s)
                    index += 1
                    shot = self._capture.read()
                self._capture.close()
                if self._clock() - opened_at >= STEADY_S:
                    self._attempt = 0
                yield Event(self.name, "lost", self._clock(), self._why_lost(shot))
                yield from self._reopen(still if shot is not None else None)
                still = Stillness(self._frozen_s)  # while it was away no picture stood still
                yield Event(self.name, "live", self._clock(), self.describe())
        finally:
            self._capture.close()

    def _reopen(self, still: "Stillness | None") -> Generator[Item, None, None]:
        """Until a frame comes, and one that is not the frozen one; each new reason is told once."""
        told = ""
        while True:
            self._pause(BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)])
            self._attempt += 1
            try:
                self._capture, self._shot = self._open()
            except SourceError as error:
                if str(error) != told:
                    told = str(error)
                    yield Event(self.name, "lost", self._clock(), told)
                else:
                    yield Tick(self._clock())
                continue
            if still is None or not still.equals(self._shot.image):
                return
            self._capture.close()
            yield Tick(self._clock())

    def _open(self) -> tuple[Capture, Shot]:
        capture = self._open_capture()
        try:
            shot = capture.read()
        except BaseException:
            capture.close()
            raise
        if shot is None:
            capture.close()
            raise SourceError(f"{self.name} opens but gives no picture; plug it in anew, or run fashion-doctor")
        return capture, shot

    def _why_lost(self, shot: Shot | None) -> str:
        if shot is None:
            return f"{self.name} gives no frames; trying to reopen it"
        return (
            f"{self.name} gives the same picture for {self._frozen_s:g} s: frozen, or covered; trying to reopen it "
            "(--frozen 0 accepts a still picture)"
        )


class Stillness:
    """Whether the picture has been the same, to the bit, for `seconds`: a sensor's noise never repeats."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sample = b""
        self._whole: int | None = None  # checksum, taken only once the sample repeats
        self._since = 0.0

    def holds(self, image: NDArray[np.uint8], now: float) -> bool:
        """Take the next picture."""
        if self._seconds <= 0:
            return False
        sample = image[::GRID, ::GRID].tobytes()
        if sample != self._sample:
            self._sample, self._whole, self._since = sample, None, now
            return False
        whole = _checksum(image)
        if self._whole is not None and whole != self._whole:
            self._since = now
        self._whole = whole
        return now - self._since >= self._seconds

    def equals(self, image: NDArray[np.uint8]) -> bool:
        """Whether this is the picture that was last taken."""
        return image[::GRID, ::GRID].tobytes() == self._sample and _checksum(image) == self._whole


def _checksum(image: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(image).data)
