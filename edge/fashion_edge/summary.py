"""What a run comes to: frames, rates, ages, labels; bounded memory however long it runs."""

import time
from collections import Counter, deque
from collections.abc import Callable

import numpy as np

from fashion_edge.result import Result

SILENT = 100  # frames discarded in a row: nothing is shown, and somebody waits
REMEMBERED = 20_000  # ages kept for the percentiles: the last eleven minutes at 30 frames a second


class Summary:
    """Counts as the run goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.frames = 0
        self.faults = 0
        self.stale = 0
        self._stale_in_a_row, self._told = 0, False
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0
        self._ages: deque[float] = deque(maxlen=REMEMBERED)
        self._texts: Counter[str] = Counter()

    def count(self, result: Result) -> None:
        """Count a labelled frame."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        self.frames += 1
        self._stale_in_a_row = 0
        self._ages.append(result.age_s)
        self._texts[result.decision.text] += 1

    def count_stale(self) -> bool:
        """Count a frame that was discarded as too old; True once, when all the last ones were."""
        self.stale += 1
        self._stale_in_a_row += 1
        silent = self._stale_in_a_row == SILENT and not self._told
        self._told = self._told or silent
        return silent

    def count_fault(self) -> None:
        """Count an input that could not be read."""
        self.faults += 1

    @property
    def fps(self) -> float:
        """Labelled frames a second, from the first to the last: n frames span n - 1 intervals; 0.0 below two."""
        if self._first is None or self.frames < 2 or self._last <= self._first:
            return 0.0
        return (self.frames - 1) / (self._last - self._first)

    def age_ms(self, percentile: float) -> float:
        """Capture-to-label age in milliseconds at a percentile 0..100; NaN before the first frame."""
        return float(np.percentile(self._ages, percentile)) * 1e3 if self._ages else float("nan")

    def describe(self, dropped: int = 0) -> list[str]:
        """Lines for the end of the run."""
        stale = f", {self.stale} discarded as too old" if self.stale else ""
        if not self.frames:
            return [f"no frame was labelled; {self.faults} could not be read{stale}"]
        rate = f", {self.fps:.1f} frames/s" if self.fps else ""
        plural = "s" if self.frames > 1 else ""
        lost = f"{dropped} dropped for newer ones, {self.faults} not readable{stale}"
        lines = [f"{self.frames} frame{plural} labelled{rate}, {lost}"]
        lines.append(f"capture to label: p50 {self.age_ms(50):.1f} ms, p99 {self.age_ms(99):.1f} ms")
        lines.append("seen: " + ", ".join(f"{text} {n}" for text, n in self._texts.most_common(10)))
        return lines
