"""From scores to labels: thresholds by group, then smoothing, hysteresis and dwell time for live video. Pure functions.

Times are in seconds, not in frames, so that the result is the same at any frame rate.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from fashion_edge.errors import ScoreError

NOTHING = "nothing I know"
UNSURE = "?"
MAX_KNOWN = 256  # decisions that are kept to be used again
ROUNDING = 1e-3  # float models end at -1e-7 or 1.0000001


@dataclass(frozen=True)
class LabelSpace:
    """Labels of a model, their groups, and the score that each label must reach.

    Labels in one group exclude each other; labels in no group are decided independently.
    """

    labels: tuple[str, ...]  # in the order of the scores
    groups: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, float]  # in (0, 1]

    @cached_property
    def free_labels(self) -> tuple[str, ...]:
        """Labels in no group, in output order."""
        grouped = {label for members in self.groups.values() for label in members}
        return tuple(label for label in self.labels if label not in grouped)

    @cached_property
    def rules(self) -> tuple[tuple[tuple[int, float], ...], ...]:
        """Place and threshold of each label: a tuple for each group, then one for each free label."""
        place = {label: i for i, label in enumerate(self.labels)}
        groups = [*self.groups.values(), *((label,) for label in self.free_labels)]
        return tuple(tuple((place[label], self.thresholds[label]) for label in members) for members in groups)

    @cached_property
    def known(self) -> "dict[tuple[int | None, ...], Decision]":
        """Decisions that were made before, by the place of the label that each rule chose."""
        return {}

    def threshold_vector(self) -> NDArray[np.float64]:
        """Thresholds in output order, (n_labels,) float64: rounding to float32 would change decisions."""
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


def check_scores(scores: NDArray[np.float32], name: str) -> NDArray[np.float32]:
    """Return scores (n_labels,) clipped to 0..1; `ScoreError` for what is not rounding, such as NaN."""
    for score in scores.tolist():  # 0.27 us for six labels; np.isfinite(scores).all() takes 1.3 us
        if not 0.0 <= score <= 1.0:  # NaN, too
            break
    else:
        return scores
    bad = scores[~((scores >= -ROUNDING) & (scores <= 1 + ROUNDING))]
    if bad.size:
        fix = "try another variant with --precision, or export the model again"
        raise ScoreError(f"{name}: the model gives a score of {bad[0]:.3g}, and scores lie in 0..1; {fix}")
    return scores.clip(0, 1)


def decide(scores: NDArray[np.float32], space: LabelSpace) -> Decision:
    """Choose labels from scores (n_labels,) in 0..1, in the order of `space.labels`.

    In each group the highest score that reaches its own threshold wins; where none does, the group is None.
    """
    score, chosen = scores.tolist(), []
    for rule in space.rules:  # loops: generators would double the calls of each frame
        best, highest = None, 0.0  # below any threshold
        for place, threshold in rule:
            if score[place] >= threshold and score[place] > highest:
                best, highest = place, score[place]
        chosen.append(best)
    decision = space.known.get(key := tuple(chosen))
    if decision is None:
        if len(space.known) >= MAX_KNOWN:
            space.known.clear()
        decision = space.known[key] = _make_decision(space, key)
    return decision


def _make_decision(space: LabelSpace, chosen: tuple[int | None, ...]) -> Decision:
    labels = [None if place is None else space.labels[place] for place in chosen]
    by_group = dict(zip(space.groups, labels, strict=False))
    free = [label for label in labels[len(by_group) :] if label is not None]
    return Decision(by_group, tuple(label for label in space.labels if label in labels), compose(by_group, free))


def compose(by_group: Mapping[str, str | None], free: Sequence[str] = ()) -> str:
    """Describe a decision: groups in order, `?` for a group without a label, then labels in no group."""
    if not free and not any(by_group.values()):
        return NOTHING
    return " ".join([*[label or UNSURE for label in by_group.values()], *free])


def decide_batch(scores: NDArray[np.float32], space: LabelSpace) -> NDArray[np.bool_]:
    """Apply `decide` to scores (n, n_labels); returns the chosen labels, (n, n_labels) bool."""
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


MEMORY_S = 1.0  # after a gap this long, earlier scores are not used
JUMP = 0.5  # a score this far from the smoothed one, in two frames that agree, shows another scene
AGREE = 0.3  # scores of one scene differ by at most this from frame to frame

Shown = Mapping[str, float]  # label -> since when it is shown, in seconds on the stream's clock


@dataclass(frozen=True)
class Smoothing:
    """How labels of live video are stabilized over time; a bundle may bring its own values."""

    smooth_s: Annotated[float, Meta(ge=0, le=60)] = 0.25  # time constant; 0 decides on each frame alone
    hysteresis: Annotated[float, Meta(ge=0, le=1)] = 0.1  # a shown label stays until so far below its threshold
    dwell_s: Annotated[float, Meta(ge=0, le=60)] = 0.2  # minimum time that a label is shown


@dataclass(slots=True)
class Smoothed:
    """Scores (n_labels,) float32 after smoothing, and their time; `last` are the scores of the last frame alone."""

    scores: NDArray[np.float32]
    at: float  # seconds, any steady clock
    last: NDArray[np.float32] | None = None


def smooth(before: Smoothed | None, scores: NDArray[np.float32], at: float, time_constant: float) -> Smoothed:
    """Apply an exponential moving average per label: after `time_constant` seconds a step has come through by 63 %.

    Without earlier scores, with a time constant of 0, or after a gap over `MEMORY_S`, scores pass unchanged. So they do
    at a cut, when two frames agree on another scene: smoothed, new labels would appear one by one among old ones.
    """
    if before is None or time_constant <= 0 or not 0 <= at - before.at <= MEMORY_S:
        return Smoothed(scores, at, scores)
    change = before.scores - scores
    changes = change.tolist()  # for a few labels Python is faster than NumPy: 0.3 us instead of 2.5
    if (max(changes) > JUMP or min(changes) < -JUMP) and _is_cut(before, scores, change):
        return Smoothed(scores, at, scores)
    keep = math.exp(-(at - before.at) / time_constant)  # NumPy makes it a float32, as the scores are
    return Smoothed(scores + keep * change, at, scores)


def _is_cut(before: Smoothed, scores: NDArray[np.float32], change: NDArray[np.float32]) -> bool:
    """Return whether this frame and the last one agree on scores (n_labels,) that are far from the smoothed ones."""
    if before.last is None:
        return False
    again = np.abs(before.last - before.scores)[np.abs(change) > JUMP] > JUMP
    return bool(again.any() and np.abs(before.last - scores).max() < AGREE)


def hold(space: LabelSpace, shown: Collection[str], hysteresis: float) -> LabelSpace:
    """Lower the thresholds of shown labels for the next frame, so that each stays until `hysteresis` below its own."""
    if not shown or hysteresis <= 0:
        return space
    lowered = {label: max(1e-3, space.thresholds[label] - hysteresis) for label in shown}
    return replace(space, thresholds={**space.thresholds, **lowered})


def dwell(shown: Shown, decision: Decision, space: LabelSpace, at: float, at_least: float) -> tuple[Decision, Shown]:
    """Keep what is shown while a label that was shown for less than `at_least` seconds would disappear.

    Returns the decision to show, and since when each of its labels is shown. A group without a label gets one at once,
    but never together with a label that is only held: the two may belong to different garments.
    """
    if decision.labels == tuple(shown):
        return decision, shown
    recent = [label for label, since in shown.items() if 0 <= at - since < at_least]
    if set(decision.labels).issuperset(recent):
        return decision, {label: shown.get(label, at) for label in decision.labels}
    by_group = {
        group: next((label for label in members if label in shown), None) for group, members in space.groups.items()
    }
    free = [label for label in space.free_labels if label in shown]
    labels = tuple(label for label in space.labels if label in shown)
    return Decision(by_group, labels, compose(by_group, free)), dict(shown)
