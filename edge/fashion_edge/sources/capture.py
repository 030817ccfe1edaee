"""One open device or stream: what the sources read from, and OpenCV's VideoCapture as one."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import SourceError
from fashion_edge.images import MAX_PIXELS
from fashion_edge.opencv import load_cv2

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
        self._cv2 = load_cv2()
        self._capture = capture
        self._name = name
        self._note = note
        self._clock = clock
        self._stamps = SensorClock() if capture.getBackendName() == "V4L2" else None
        fps = float(capture.get(self._cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps < CLOCK else DEFAULT_FPS
        frames = float(capture.get(self._cv2.CAP_PROP_FRAME_COUNT))  # what a file declares; 0 or less for the rest
        self.frames = int(frames * self.fps / fps if fps >= CLOCK else frames)  # OpenCV counts seconds times the rate
        self.finite = self.frames > 0  # it ends, and its end is no loss
        self._refuse_giants()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as negotiated."""
        get, cv2 = self._capture.get, self._cv2
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
        except self._cv2.error:  # of a buffer without a byte, where the rest gives False
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
        return float(self._capture.get(self._cv2.CAP_PROP_POS_MSEC)) / 1000

    def describe(self) -> str:
        """Size, format and rate."""
        code = int(self._capture.get(self._cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
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
    cv2 = load_cv2()
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first capture is opened
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)  # the function moved in OpenCV 5
    return cv2.VideoCapture(*args)
