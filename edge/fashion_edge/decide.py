"""Smoothing over time, in seconds and not in frames, so that it is the same at any frame rate. Pure."""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

NOTHING = "nothing I know"
UNSURE = "?"


@dataclass(frozen=True)
class LabelSpace:
    """The words a model knows, how they are grouped, and the score each must reach.

    Labels that stand in one group exclude each other; labels in no group are judged alone.
    """

    labels: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, float]

    @cached_property
    def free_labels(self) -> tuple[str, ...]:
        """Labels that stand in no group, in output order."""
        grouped = {label for members in self.groups.values() for label in members}
        return tuple(label for label in self.labels if label not in grouped)

    def threshold_vector(self) -> NDArray[np.float64]:
        """Thresholds in output order, (n_labels,) float64: rounded to float32 they would let other scores pass."""
        return np.array([self.thresholds[label] for label in self.labels], np.float64)


@dataclass(frozen=True)
class Decision:
    """Labels of one frame.

    Attributes:
        by_group: group to the one label above its threshold, or None.
        labels: labels that were decided on, in the model's order.
        text: the same in words: `red dress`, `red ?`, `nothing I know`.

    Example:
        >>> decision = Decision({"colour": "red", "garment": None}, ("red",), "red ?")
        >>> decision["colour"], decision["garment"]
        ('red', None)
    """

    by_group: Mapping[str, str | None]
    labels: tuple[str, ...]
    text: str

    def __getitem__(self, group: str) -> str | None:
        """Label of a group; None where no label of it reached its threshold."""
        return self.by_group[group]


def decide(scores: NDArray[np.float32], space: LabelSpace) -> Decision:
    """Decide from scores (n_labels,) in 0..1, in `space.labels` order.

    In each group the highest score that reaches its own threshold wins; where none does, the group is None.
    """
    score = dict(zip(space.labels, scores.tolist(), strict=True))
    over = {label for label in space.labels if score[label] >= space.thresholds[label]}
    by_group: dict[str, str | None] = {}
    for group, members in space.groups.items():
        candidates = [label for label in members if label in over]
        by_group[group] = max(candidates, key=score.__getitem__, default=None)
    chosen = {label for label in by_group.values() if label} | (over & set(space.free_labels))
    labels = tuple(label for label in space.labels if label in chosen)
    return Decision(by_group, labels, compose(by_group, [label for label in labels if label in space.free_labels]))


def compose(by_group: Mapping[str, str | None], free: Sequence[str] = ()) -> str:
    """The words a person reads: groups in their order, `?` where one is silent, free labels behind."""
    if not free and not any(by_group.values()):
        return NOTHING
    return " ".join([*(label or UNSURE for label in by_group.values()), *free])


def decide_batch(scores: NDArray[np.float32], space: LabelSpace) -> NDArray[np.bool_]:
    """Decide for scores (n, n_labels) at once: which labels were chosen, (n, n_labels) bool; equals `decide`."""
    over = scores >= space.threshold_vector()
    chosen = over.copy()
    for columns in _group_columns(space):
        best = np.where(over[:, columns], scores[:, columns], -1.0).argmax(axis=1)
        winner = np.zeros((len(scores), len(columns)), bool)
        winner[np.arange(len(scores)), best] = True
        chosen[:, columns] = over[:, columns] & winner
    return chosen


def _group_columns(space: LabelSpace) -> Iterator[list[int]]:
    index = {label: i for i, label in enumerate(space.labels)}
    for members in space.groups.values():
        yield [index[label] for label in members]


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
