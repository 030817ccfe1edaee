"""Timing of frames that a source makes or plays at a given rate."""

import time

GAP_S = 10.0  # a longer gap between two frames is shortened


class Pacer:
    """Ticks at `interval` seconds; 0 never waits."""

    def __init__(self, interval: float) -> None:
        self._interval = interval
        self._next: float | None = None

    def wait(self) -> int:
        """Sleep until the next tick; returns how many ticks have passed since the last call (0 on the first)."""
        now = time.monotonic()
        if self._next is None:
            self._next = now + self._interval
            return 0
        if not self._interval:
            return 1
        if now < self._next:
            time.sleep(self._next - now)
            self._next += self._interval
            return 1
        ticks = 1 + int((now - self._next) / self._interval)
        self._next += ticks * self._interval
        return ticks


class Playback:
    """Plays frames as far apart as they were recorded; a frame that is late delays the rest."""

    def __init__(self) -> None:
        self._moment = 0.0
        self._due: float | None = None

    def wait(self, moment: float) -> float:
        """Sleep until a moment is due; returns when that was, on the clock of `time.monotonic()`."""
        now = time.monotonic()
        due = now if self._due is None else self._due + min(moment - self._moment, GAP_S)
        time.sleep(max(0.0, due - now))
        self._moment, self._due = moment, max(due, now)
        return due
