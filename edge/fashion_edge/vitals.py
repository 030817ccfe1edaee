"""How the loop is doing now: labelled frames a second and capture-to-label age, over the last few seconds."""

from collections import deque
from dataclasses import dataclass

import numpy as np

WINDOW_S = 5.0
REFRESH_S = 0.5  # figures that change with each frame cannot be read
MOST = 2_000  # frames remembered: bounded at any rate


@dataclass(frozen=True)
class Vitals:
    """Figures of the last `WINDOW_S` seconds."""

    fps: float  # 0.0 before the second frame
    age_p50_ms: float
    age_p99_ms: float

    def describe(self) -> str:
        """`age 4.1/9.0 ms  30.0 fps`: p50 and p99; plain ASCII, for OpenCV's fonts."""
        return f"age {self.age_p50_ms:.1f}/{self.age_p99_ms:.1f} ms  {self.fps:.1f} fps"


class Meter:
    """Takes the age of each label; its figures change twice a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=MOST)  # when, age; seconds
        self._vitals: Vitals | None = None
        self._read_at = 0.0

    def update(self, now: float, age_s: float) -> Vitals:
        """Count a label made at `now`, seconds of any steady clock; returns the figures to show."""
        self._seen.append((now, age_s))
        young = len(self._seen) <= 10  # the first ones count at once
        if self._vitals is None or young or now - self._read_at >= REFRESH_S:
            self._vitals, self._read_at = self._read(now), now
        return self._vitals

    def _read(self, now: float) -> Vitals:
        while self._seen[0][0] < now - WINDOW_S:
            self._seen.popleft()
        p50, p99 = np.percentile([age for _, age in self._seen], (50, 99)) * 1e3
        span = now - self._seen[0][0]
        return Vitals((len(self._seen) - 1) / span if span > 0 else 0.0, float(p50), float(p99))
