"""Checks of a live feed: whether its picture is frozen, and whether its frames come late."""

import zlib
from collections import deque
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

GRID = 16  # every 16th pixel is compared
LATE_S = 2.0  # older frames are not labelled: a pause of the network is made up for in less
DRAIN_S = 2.0  # what is late for longer is not made up for by reading faster
RECOVERED_S = 3.0  # without a late frame, until the feed counts as live again

# Mean difference of neighbouring frames on the grid, of 255, measured on still scenes of several textures through x264
# (ultrafast to medium, 5 to 30 frames/s, 0.3 to 3 Mbit/s, a key frame each 1 to 10 s). The encoder repeats the picture
# of a frozen camera ever better: the smallest fifth of the differences falls below 0.02 at 15 frames/s, and below more
# with more bits a frame; or whole half seconds are the same to the bit. The noise of a sensor, sigma 0.5 or more, stays
# above. Of 31 frozen series 8 are not found, of 43 still scenes 2 count as frozen: fine textures at few bits a frame.
STEADY, MAX_STEADY = 0.29, 0.06  # levels for each second between frames, and levels
REPEATED_S = 0.5  # an encoder that repeats frames to keep its rate repeats for less
MOVED = 3.0  # something moved; key frames of a frozen picture differ by less
MIN_FRAMES = 20


class FrozenFeed(Protocol):
    """Detects a feed whose picture no longer changes."""

    def update(self, image: NDArray[np.uint8], now: float) -> bool:
        """Take the next picture; returns whether the feed is frozen."""

    def equals(self, image: NDArray[np.uint8]) -> bool:
        """Whether a picture is the frozen one."""


class RepeatedPicture:
    """Detects a device that repeats the same picture, to the bit, for `seconds`: a sensor's noise never repeats."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sample = b""
        self._checksum: int | None = None  # of the whole picture, taken only when the sample repeats
        self._since = 0.0

    def update(self, image: NDArray[np.uint8], now: float) -> bool:
        """Take the next picture; returns whether the feed is frozen."""
        sample = image[::GRID, ::GRID].tobytes()
        checksum = _crc32(image) if sample == self._sample else None
        if checksum is None or self._checksum not in (None, checksum):
            self._since = now
        self._sample, self._checksum = sample, checksum
        return checksum is not None and now - self._since >= self._seconds

    def equals(self, image: NDArray[np.uint8]) -> bool:
        """Whether a picture is the frozen one, to the bit."""
        return image[::GRID, ::GRID].tobytes() == self._sample and _crc32(image) == self._checksum


class StillStream:
    """Detects a frozen picture behind a lossy encoder, which rarely repeats one to the bit, after `seconds`.

    Short repetitions do not count: encoders repeat frames to keep their rate.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._sample = np.zeros(0, np.int16)
        self._changes: deque[tuple[float, float]] = deque()  # time, and difference from the frame before
        self._checked_at = 0.0

    def update(self, image: NDArray[np.uint8], now: float) -> bool:
        """Take the next picture; returns whether the feed is frozen."""
        former, self._sample = self._sample, image[::GRID, ::GRID].astype(np.int16)
        if former.shape != self._sample.shape:
            self._changes.clear()
            return False
        changes = self._changes
        changes.append((now, float(np.abs(self._sample - former).mean())))
        if changes[-1][1] >= MOVED:
            changes.clear()
        while len(changes) > MIN_FRAMES and changes[1][0] <= now - self._seconds:
            changes.popleft()
        if len(changes) < MIN_FRAMES or now - changes[0][0] < self._seconds or now - self._checked_at < 0.5:
            return False
        self._checked_at = now
        times, differences = np.array(changes).T
        different = differences > 0
        gaps = np.diff(times[different], prepend=times[0], append=now)
        if not different.any() or gaps[gaps >= REPEATED_S].sum() > (now - times[0]) / 2:
            return True
        steady = min(MAX_STEADY, STEADY * (now - times[0]) / (len(changes) - 1))
        return bool(np.quantile(differences[different], 0.2) < steady)

    def equals(self, image: NDArray[np.uint8]) -> bool:
        """Whether nothing moved since the feed froze; a still scene of a camera that works cannot be told from it."""
        sample = image[::GRID, ::GRID].astype(np.int16)
        return sample.shape == self._sample.shape and bool(np.abs(sample - self._sample).mean() < MOVED)


def _crc32(image: NDArray[np.uint8]) -> int:
    return zlib.crc32(np.ascontiguousarray(image).data)


class LateFeed:
    """Follows how late frames come; `lagging` holds from a late one until there was none for `RECOVERED_S`."""

    def __init__(self) -> None:
        self.lagging = False
        self._late_since: float | None = None
        self._late_at = 0.0

    def update(self, age_s: float, now: float) -> bool:
        """Take the age of the next frame; returns whether it is late."""
        late = age_s > LATE_S
        if late:
            self._late_at = now
            self._late_since = now if self._late_since is None else self._late_since
        else:
            self._late_since = None
        self.lagging = late or (self.lagging and now - self._late_at < RECOVERED_S)
        return late

    def stuck(self, now: float) -> bool:
        """Whether reading faster does not make up for the delay."""
        return self._late_since is not None and now - self._late_since >= DRAIN_S

    def reopened(self, now: float) -> None:
        """The backlog was dropped; the time without a feed does not count."""
        self._late_since, self._late_at = None, now

    @property
    def state(self) -> str:
        """Of an `Event`."""
        return "lagging" if self.lagging else "live"
