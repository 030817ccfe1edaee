"""A source that may go away and come back: a loss is an event, never an invented frame."""

import time
import zlib
from collections.abc import Callable, Generator

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item, Tick
from fashion_edge.sources.base import FROZEN_S
from fashion_edge.sources.capture import Capture, Shot

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
