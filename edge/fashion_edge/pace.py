"""Keeping time: one tick an interval, without drift; or moments as far apart as they were."""

import time

GAP_S = 10.0  # a longer one in what is played is cut short


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
    """Plays what stands on a clock of its own: moments come as far apart as they were, what is late delays the rest."""

    def __init__(self) -> None:
        self._moment = 0.0
        self._due: float | None = None

    def wait(self, moment: float) -> float:
        """Sleep until a moment is due; returns when that was, on time.monotonic()'s clock."""
        now = time.monotonic()
        due = now if self._due is None else self._due + min(moment - self._moment, GAP_S)
        time.sleep(max(0.0, due - now))
        self._moment, self._due = moment, max(due, now)
        return due


class Stopwatch:
    """Runs from its making."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.monotonic() - self._started
