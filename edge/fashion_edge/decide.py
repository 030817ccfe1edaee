"""Scores to labels: one decision a group, silence below the threshold. Pure.

The same function decides in training, in the parity gate, in the benchmark and on the device.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
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
    """What is said of one frame."""

    by_group: Mapping[str, str | None]  # group -> the one label over its threshold, or None
    labels: tuple[str, ...]  # what was decided, in output order
    text: str  # "red dress", "red ?", "nothing I know"


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
