"""What the pipeline says of one frame, and the JSON line that carries it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import Decision
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.roi import Box
from fashion_edge.vitals import Vitals


@dataclass(frozen=True)
class Result:
    """A labelled frame."""

    frame: Frame
    box: Box  # where the classifier looked
    scores: NDArray[np.float32]  # (n_labels,) as the model gave them
    smoothed: NDArray[np.float32]  # what was decided on
    decision: Decision
    age_s: float  # from capture to label
    stages_s: dict[str, float]  # capture, preprocess, infer, decide; draw is added once it was drawn
    labels: tuple[str, ...]  # names of the scores, in order
    vitals: Vitals | None = None  # rate and ages of the last seconds


STEP_S = 0.5  # a clock that is set, as a Pi's is by NTP minutes after its start, moves further; drift does not
Clock = Callable[[], float]


class WallClock:
    """Turns monotonic seconds into wall-clock time stamps; follows the clock where it is set."""

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
    """The JSON object of one labelled frame; times in milliseconds."""
    vitals = result.vitals
    ages = (
        {} if vitals is None else {"age_p50_ms": round(vitals.age_p50_ms, 2), "age_p99_ms": round(vitals.age_p99_ms, 2)}
    )
    return {
        "source": result.frame.source,
        "frame": result.frame.index,
        "captured_at": clock.iso(result.frame.captured_at),
        "age_ms": round(result.age_s * 1e3, 2),
        **ages,
        "labels": list(result.decision.labels),
        "decision": dict(result.decision.by_group),
        "text": result.decision.text,
        "scores": {label: round(score, 4) for label, score in zip(result.labels, result.scores.tolist(), strict=True)},
        "stages_ms": {stage: round(seconds * 1e3, 3) for stage, seconds in result.stages_s.items()},
    }


def fault_record(fault: Fault) -> dict[str, Any]:
    """The JSON object of an input that could not be read."""
    return {"source": fault.source, "frame": fault.index, "error": fault.reason}


def event_record(event: Event, clock: WallClock) -> dict[str, Any]:
    """The JSON object of a change of the source's state."""
    return {"source": event.source, "event": event.state, "at": clock.iso(event.at), "detail": event.detail}
