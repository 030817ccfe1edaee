"""Cameras and streams that may disappear and return: a loss is an event, and no frame is invented for it."""

import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_edge.defaults import FROZEN_S
from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item, Tick
from fashion_edge.images import MAX_PIXELS
from fashion_edge.opencv import cv2
from fashion_edge.sources.base import Source
from fashion_edge.sources.feed import FrozenFeed, LateFeed, RepeatedPicture, StillStream

SENSOR_CLOCK_SLACK_S = 2.0  # a driver's time stamp that differs by more is on another clock
DEFAULT_FPS = 30.0
CLOCK = 1000.0  # frames/s: the milliseconds of a container without a rate, such as a recording of a browser
MAX_CORRUPT = 5  # pictures in a row that may not decode, as after a loose plug or on a bad link, before it is a loss
MAX_CORRUPT_S = 0.5  # and for how long: a read that timed out is not repeated
BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)  # waits between attempts to reopen; the last one repeats
STEADY_S = 10.0  # a device that worked for so long starts again with the shortest wait; a loose plug does not


@dataclass(slots=True)
class Shot:
    """The result of one read."""

    image: NDArray[np.uint8]  # (h, w, 3) B, G, R; owned by the reader
    captured_at: float  # seconds on time.monotonic()'s clock
    capture_s: float = 0.0  # to decode it


class CaptureDevice(Protocol):
    """An open camera or stream."""

    fps: float

    def read(self) -> Shot | None:
        """Wait for the next picture; None when there is none."""

    def describe(self) -> str:
        """Size, rate and format, as negotiated."""

    def close(self) -> None:
        """Release it; a second call does nothing."""


class StampClock(Protocol):
    """Tells when a frame was captured, by its time stamp."""

    def captured_at(self, now: float, stamp: float, /) -> float:
        """Seconds on time.monotonic()'s clock at which a frame that arrived now was captured."""


class SensorClock:
    """Finds which of a driver's time stamps is on time.monotonic()'s clock, if any.

    The first stamp that fits decides. After that an old stamp means an old frame: frames wait in the driver while the
    program is stopped.
    """

    def __init__(self) -> None:
        self._index: int | None = None
        self._last = 0.0

    def captured_at(self, now: float, *stamps: float) -> float:
        """The stamp, in seconds, at which a frame that arrived now was captured; `now` if none is usable."""
        if self._index is None:
            self._index = next((i for i, at in enumerate(stamps) if 0 <= now - at <= SENSOR_CLOCK_SLACK_S), None)
        at = now if self._index is None else stamps[self._index]
        if not self._last < at <= now:  # stamps increase: this one is wrong
            return now
        self._last = at
        return at


class CvCapture:
    """A device or a file read by OpenCV's VideoCapture; what that declares is checked against its frames."""

    def __init__(self, capture: Any, name: str, note: str = "", clock: Callable[[], float] = time.monotonic) -> None:
        self._capture = capture
        self._name = name
        self._note = note
        self._clock = clock
        self.stamps: StampClock | None = SensorClock() if capture.getBackendName() == "V4L2" else None
        fps = float(capture.get(cv2.CAP_PROP_FPS))
        self.fps = fps if 0 < fps < CLOCK else DEFAULT_FPS
        frames = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))  # what a file declares; 0 or less for a device
        self.frames = int(frames * self.fps / fps if fps >= CLOCK else frames)  # OpenCV counts seconds times the rate
        self.finite = self.frames > 0  # a file, whose end is not a loss
        width, height = self.size
        if width * height > MAX_PIXELS:
            self.close()
            most = MAX_PIXELS / 1e6
            raise SourceError(f"{name} declares frames of {width}x{height}, above the limit of {most:g} megapixels")

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as negotiated."""
        get = self._capture.get
        return int(get(cv2.CAP_PROP_FRAME_WIDTH)), int(get(cv2.CAP_PROP_FRAME_HEIGHT))

    def read(self) -> Shot | None:
        """Read the next picture; one of a live device that does not decode is skipped."""
        if self.finite:
            return self._read_once()
        until = self._clock() + MAX_CORRUPT_S
        for _ in range(MAX_CORRUPT):
            if (shot := self._read_once()) or self._clock() >= until:
                return shot
        return None

    def _read_once(self) -> Shot | None:
        """Grab, stamp, decode; of a file in one call, which releases and takes the interpreter lock once."""
        if not (self.finite or self.grab()):
            return None
        captured_at = started = self._clock()
        if self.stamps is not None:
            captured_at = self.stamps.captured_at(started, self.position_s())
        try:
            ok, image = self._capture.read() if self.finite else self._capture.retrieve()
        except cv2.error:  # raised for a buffer without a byte; other bad buffers return False
            return None
        return Shot(image, captured_at, self._clock() - started) if ok and image is not None and image.size else None

    def grab(self) -> bool:
        """Wait for the next picture without converting it; False when there is none."""
        return bool(self._capture.grab())

    def position_s(self) -> float:
        """Time of the frame last read: in its file or stream, or the time stamp of the V4L2 driver."""
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


def open_video_capture(*args: Any) -> Any:
    """`cv2.VideoCapture(*args)` without OpenCV's log lines, which our error replaces."""
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # read when the first capture is opened
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)  # the function moved in OpenCV 5
    return cv2.VideoCapture(*args)


class ReopeningSource(Source):
    """A camera or stream that is reopened after a loss. It counts as open once it gives a frame, not before."""

    def __init__(
        self,
        name: str,
        open_device: Callable[[], CaptureDevice],
        *,
        live: bool = True,
        lossy: bool = False,
        frozen_s: float = FROZEN_S,
        pause: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.live = live
        self._open_device = open_device
        self._lossy = lossy
        self._frozen_s = frozen_s
        self._pause = pause
        self._clock = clock
        self._attempt = 0
        self._index = 0
        self._late = LateFeed()
        self._device, self._shot = self._open()
        self.fps = self._device.fps

    def describe(self) -> str:
        """Size, rate and format, as negotiated."""
        return self._device.describe()

    def items(self) -> Generator[Item, None, None]:
        """Frames without end; a lost device is reopened with backoff."""
        items = self._items()
        next(items)  # into its `try`: closing a generator that was never started would leave the device open
        return items

    def _items(self) -> Generator[Item, None, None]:
        """A tick first, which `items` takes."""
        try:
            yield Tick(self._clock())
            while True:
                opened_at, frozen = self._clock(), self._watch_frozen()
                loss, stopped = yield from self._read(frozen)
                self._device.close()
                if self._clock() - opened_at >= STEADY_S:
                    self._attempt = 0
                if loss:
                    yield Event(self.name, "lost", self._clock(), f"{self.name} gives {loss}")
                lost = (yield from self._reopen(stopped)) or loss
                self._late.reopened(self._clock())
                if lost:  # after a delay it stays late for a moment: what gathered meanwhile has no known age
                    yield Event(self.name, self._late.state, self._clock(), self.describe())
        finally:
            self._device.close()

    def _watch_frozen(self) -> FrozenFeed | None:
        if self._frozen_s <= 0:
            return None
        return StillStream(self._frozen_s) if self._lossy else RepeatedPicture(self._frozen_s)

    def _read(self, frozen: FrozenFeed | None) -> Generator[Item, None, tuple[str, FrozenFeed | None]]:
        """Frames of the open device.

        Returns why it counts as lost, or an empty text if only its backlog must be dropped; and the feed that froze.
        """
        shot: Shot | None = self._shot
        while shot is not None:
            now = self._clock()
            if frozen is not None and frozen.update(shot.image, now):
                still = f"the same picture for {self._frozen_s:g} s: frozen, or covered"
                return f"{still}; trying to reopen it (--frozen 0 accepts a still picture)", frozen
            before = self._late.lagging
            late = self.live and self._late.update(now - shot.captured_at, now)
            if self._late.lagging != before:
                yield self._explain_lag(now - shot.captured_at, now)
            if late and self._late.stuck(now):
                return "", None
            frame = Frame(shot.image, self._index, shot.captured_at, self.name, shot.capture_s)
            yield Tick(now) if late else frame
            self._index += 1
            shot = self._device.read()
        return "no frames; trying to reopen it", None

    def _explain_lag(self, age_s: float, now: float) -> Event:
        if not self._late.lagging:
            return Event(self.name, self._late.state, now, self.describe())
        reason = f"{self.name} is {age_s:.1f} s behind: its frames come faster than this machine reads them"
        advice = "late ones are skipped; choose a smaller picture or a lower rate, such as the camera's sub-stream"
        return Event(self.name, "lagging", now, f"{reason}; {advice}")

    def _reopen(self, frozen: FrozenFeed | None) -> Generator[Item, None, bool]:
        """Try until a frame comes that is not the frozen one; reports each new reason once. Returns whether it did."""
        reported = ""
        while True:
            self._pause(BACKOFF_S[min(self._attempt, len(BACKOFF_S) - 1)])
            self._attempt += 1
            try:
                self._device, self._shot = self._open()
            except SourceError as error:
                repeated, reported = str(error) == reported, str(error)
                yield Tick(self._clock()) if repeated else Event(self.name, "lost", self._clock(), reported)
                continue
            if frozen is None or not frozen.equals(self._shot.image):
                return bool(reported)
            self._device.close()
            yield Tick(self._clock())

    def _open(self) -> tuple[CaptureDevice, Shot]:
        device = self._open_device()
        try:
            if (shot := device.read()) is None:
                device_advice = "plug it in again, or run fashion-doctor"
                advice = "restart its sender, or try it in another player" if "://" in self.name else device_advice
                raise SourceError(f"{self.name} opens but gives no picture; {advice}")
        except BaseException:
            device.close()
            raise
        return device, shot
