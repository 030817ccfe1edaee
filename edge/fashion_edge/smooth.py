"""Smoothing over time, in seconds and not in frames, so that it is the same at any frame rate. Pure."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import Decision, LabelSpace, compose

MEMORY_S = 1.0  # after a gap this long what was seen before says nothing

Shown = Mapping[str, float]  # label -> since when it is shown, in seconds on the stream's clock


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


def dwell(
    shown: Shown, decision: Decision, space: LabelSpace, at: float, at_least: float
) -> tuple[Decision, dict[str, float]]:
    """Keep what is shown for `at_least` seconds: a label that came holds its place in its group that long.

    Returns the decision to show, and since when each of its labels is shown. A place that is empty is taken at once.
    """
    fresh = {label for label, since in shown.items() if 0 <= at - since < at_least}
    by_group = {
        group: next((label for label in members if label in fresh), decision.by_group.get(group))
        for group, members in space.groups.items()
    }
    free = [label for label in space.free_labels if label in fresh or label in decision.labels]
    chosen = {label for label in by_group.values() if label} | set(free)
    labels = tuple(label for label in space.labels if label in chosen)
    since = {label: shown.get(label, at) for label in labels}
    if labels == decision.labels:
        return decision, since
    return Decision(by_group, labels, compose(by_group, free)), since
