"""The result of one frame, and its JSON record."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import Decision, LabelSpace
from fashion_edge.frame import Box, Event, Fault, Frame

WINDOW_S = 5.0
REFRESH_S = 0.5  # figures that change with each frame are not legible
MAX_FRAMES = 2_000  # frames in memory, at any rate
MAX_ROUNDED = 1_024  # scores in memory


@dataclass(frozen=True)
class Vitals:
    """Figures of the last `WINDOW_S` seconds."""

    fps: float  # 0.0 before the second frame
    age_p50_ms: float
    age_p99_ms: float

    @cached_property
    def ages(self) -> dict[str, float]:
        """The ages in a JSON record."""
        return {"age_p50_ms": round(self.age_p50_ms, 2), "age_p99_ms": round(self.age_p99_ms, 2)}

    def describe(self) -> str:
        """`age 4.1/9.0 ms  30.0 fps`: p50 and p99; plain ASCII, for OpenCV's fonts."""
        return f"age {self.age_p50_ms:.1f}/{self.age_p99_ms:.1f} ms  {self.fps:.1f} fps"


class Meter:
    """Measures frame rate and ages; the figures change twice a second."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, float]] = deque(maxlen=MAX_FRAMES)  # when, age; seconds
        self._vitals: Vitals | None = None
        self._read_at = 0.0

    def update(self, now: float, age_s: float) -> Vitals:
        """Count a label made at `now`, in seconds of any steady clock; returns the figures to show."""
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


@dataclass(slots=True)
class Result:
    """A classified frame.

    Attributes:
        frame: the picture, `frame.image` (h, w, 3) uint8 B, G, R, and where it came from.
        box: region of interest that was classified, in pixels of the frame.
        score_array: scores of the model in 0..1, (n_labels,) float32, in the order of `label_names`.
        smoothed_array: scores after smoothing over time, on which the decision is made; equal for a photo.
        decision: labels above their thresholds, by group.
        age_s: seconds from capture to label.
        stages_s: seconds of each stage: capture, preprocess, infer, decide, and draw where it was drawn.
        space: all labels of the model, their groups and thresholds.
        vitals: frame rate and ages of the last seconds of a live source, else None.

    Example:
        >>> from fashion_edge import Classifier
        >>> result = Classifier.load("shipped").classify("photo.jpg")  # doctest: +SKIP
        >>> result.text, result.labels  # doctest: +SKIP
        ('red dress', ('dress', 'red'))
        >>> result.scores["red"], result.decision["colour"]  # doctest: +SKIP
        (0.99, 'red')
    """

    frame: Frame
    box: Box
    score_array: NDArray[np.float32]
    smoothed_array: NDArray[np.float32]
    decision: Decision
    age_s: float
    stages_s: dict[str, float]
    space: LabelSpace
    vitals: Vitals | None = None

    def __repr__(self) -> str:
        """Return the decision, and the size and source of the frame."""
        height, width = self.frame.image.shape[:2]
        return f"<Result {self.text}: {width}x{height} {self.frame.source}>"

    @property
    def text(self) -> str:
        """The decision in words: `red dress`, `red ?`, `nothing I know`."""
        return self.decision.text

    @property
    def labels(self) -> tuple[str, ...]:
        """Labels that were decided on, in the model's order; empty where the model abstains."""
        return self.decision.labels

    @property
    def label_names(self) -> tuple[str, ...]:
        """All labels of the model."""
        return self.space.labels

    @property
    def scores(self) -> dict[str, float]:
        """Scores of this frame alone, by label."""
        return dict(zip(self.label_names, self.score_array.tolist(), strict=True))

    @property
    def smoothed(self) -> dict[str, float]:
        """Scores after smoothing over time, by label."""
        return dict(zip(self.label_names, self.smoothed_array.tolist(), strict=True))


STEP_S = 0.5  # setting a clock, as NTP does minutes after a Pi starts, moves it further; drift does not
Clock = Callable[[], float]


class WallClock:
    """Converts monotonic seconds to wall-clock time; follows a clock that is set."""

    def __init__(self, wall: Clock = time.time, monotonic: Clock = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._offset = wall() - monotonic()

    def wall(self, monotonic: float) -> float:
        """Seconds since the epoch."""
        offset = self._wall() - self._monotonic()
        if abs(offset - self._offset) > STEP_S:
            self._offset = offset
        return monotonic + self._offset

    def iso(self, monotonic: float) -> str:
        """`2026-11-23T13:00:00.000Z`."""
        second, milliseconds = divmod(int(self.wall(monotonic) * 1e3), 1000)
        return f"{_second(second)}.{milliseconds:03d}Z"


@lru_cache(maxsize=2)
def _second(since_epoch: int) -> str:
    """`2026-11-23T13:00:00`; dozens of frames share one."""
    return datetime.fromtimestamp(since_epoch, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def result_record(result: Result, clock: WallClock) -> dict[str, Any]:
    """Return the JSON object of one labelled frame; times in milliseconds."""
    decision, vitals = result.decision, result.vitals
    scores = map(_rounded.__getitem__, result.score_array.tolist())
    return {
        "source": result.frame.source,
        "frame": result.frame.index,
        "captured_at": clock.iso(result.frame.captured_at),
        "age_ms": int(result.age_s * 1e5 + 0.5) / 1e2,  # `round` takes four times as long
        **(vitals.ages if vitals else {}),
        "labels": list(decision.labels),
        "decision": dict(decision.by_group),
        "text": decision.text,
        "scores": dict(zip(result.label_names, scores, strict=True)),
        "stages_ms": {stage: int(seconds * 1e6 + 0.5) / 1e3 for stage, seconds in result.stages_s.items()},
    }


class _Rounded(dict[float, float]):
    """Scores rounded to four digits; those of an int8 model are 256 values, and `round` takes 0.3 us for each."""

    def __missing__(self, score: float) -> float:
        value = round(score, 4)
        if len(self) < MAX_ROUNDED:
            self[score] = value
        return value


_rounded = _Rounded()


def fault_record(fault: Fault) -> dict[str, Any]:
    """Return the JSON object of an input that could not be read."""
    return {"source": fault.source, "frame": fault.index, "error": fault.reason}


def event_record(event: Event, clock: WallClock) -> dict[str, Any]:
    """Return the JSON object of a change of the source's state."""
    return {"source": event.source, "event": event.state, "at": clock.iso(event.at), "detail": event.detail}
