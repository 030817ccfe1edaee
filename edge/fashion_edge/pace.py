"""Keeping time: one tick an interval, without drift."""

import time


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


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started
