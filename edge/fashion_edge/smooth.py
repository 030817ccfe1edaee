"""Smoothing over time, in seconds and not in frames, so that it is the same at any frame rate. Pure."""

import math
from collections.abc import Collection
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace

MEMORY_S = 1.0  # after a gap this long what was seen before says nothing


@dataclass(frozen=True)
class Smoothed:
    """Scores (n_labels,) float32 after smoothing, and when."""

    scores: NDArray[np.float32]
    at: float  # seconds, any steady clock


def smooth(before: Smoothed | None, scores: NDArray[np.float32], at: float, time_constant: float) -> Smoothed:
    """Exponential smoothing per label: after `time_constant` seconds a step has come through by 63 %.

    With no past, a time constant of 0, or a gap over `MEMORY_S`, the scores pass as they are.
    """
    if before is None or time_constant <= 0 or not 0 <= at - before.at <= MEMORY_S:
        return Smoothed(scores, at)
    keep = np.float32(math.exp(-(at - before.at) / time_constant))
    return Smoothed(scores + keep * (before.scores - scores), at)


def hold(space: LabelSpace, shown: Collection[str], hysteresis: float) -> LabelSpace:
    """Thresholds for the next frame: a label that is shown stays until it falls `hysteresis` below its own."""
    if not shown or hysteresis <= 0:
        return space
    lowered = {label: max(1e-3, space.thresholds[label] - hysteresis) for label in shown}
    return replace(space, thresholds={**space.thresholds, **lowered})
