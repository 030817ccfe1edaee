"""Smoothing over time, in seconds and not in frames, so that it is the same at any frame rate. Pure."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import Decision, LabelSpace, compose

MEMORY_S = 1.0  # after a gap this long what was seen before says nothing
JUMP = 0.5  # a score this far from its past, in two frames that agree, shows another scene
AGREE = 0.3  # how far apart scores of one scene lie from frame to frame, at most

Shown = Mapping[str, float]  # label -> since when it is shown, in seconds on the stream's clock


@dataclass(frozen=True)
class Smoothed:
    """Scores (n_labels,) float32 after smoothing, and when; `last` are those of the last frame alone."""

    scores: NDArray[np.float32]
    at: float  # seconds, any steady clock
    last: NDArray[np.float32] | None = None


def smooth(before: Smoothed | None, scores: NDArray[np.float32], at: float, time_constant: float) -> Smoothed:
    """Exponential smoothing per label: after `time_constant` seconds a step has come through by 63 %.

    With no past, a time constant of 0, or a gap over `MEMORY_S`, the scores pass as they are. So they do at a cut,
    when two frames agree on another scene: smoothed, its labels would come one by one among those of the scene before.
    """
    if before is None or time_constant <= 0 or not 0 <= at - before.at <= MEMORY_S or is_cut(before, scores):
        return Smoothed(scores, at, scores)
    keep = np.float32(math.exp(-(at - before.at) / time_constant))
    return Smoothed(scores + keep * (before.scores - scores), at, scores)


def is_cut(before: Smoothed, scores: NDArray[np.float32]) -> bool:
    """Whether this frame and the last one agree on scores (n_labels,) that are far from what was smoothed so far."""
    far = np.abs(scores - before.scores) > JUMP
    if before.last is None or not far.any():
        return False
    again = np.abs(before.last - before.scores)[far] > JUMP
    return bool(again.any() and np.abs(before.last - scores).max() < AGREE)


def hold(space: LabelSpace, shown: Collection[str], hysteresis: float) -> LabelSpace:
    """Thresholds for the next frame: a label that is shown stays until it falls `hysteresis` below its own."""
    if not shown or hysteresis <= 0:
        return space
    lowered = {label: max(1e-3, space.thresholds[label] - hysteresis) for label in shown}
    return replace(space, thresholds={**space.thresholds, **lowered})


def dwell(
    shown: Shown, decision: Decision, space: LabelSpace, at: float, at_least: float
) -> tuple[Decision, dict[str, float]]:
    """Keep what is shown for `at_least` seconds: while a label that came so lately would go, all stays as it is.

    Returns the decision to show, and since when each of its labels is shown. A place that is empty is taken at once,
    but never beside a label that is only held: half of one garment and half of the next are true of neither.
    """
    fresh = {label for label, since in shown.items() if 0 <= at - since < at_least}
    if fresh <= set(decision.labels):
        return decision, {label: shown.get(label, at) for label in decision.labels}
    by_group = {
        group: next((label for label in members if label in shown), None) for group, members in space.groups.items()
    }
    free = [label for label in space.free_labels if label in shown]
    labels = tuple(label for label in space.labels if label in shown)
    return Decision(by_group, labels, compose(by_group, free)), dict(shown)
