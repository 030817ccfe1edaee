"""Decision thresholds per label, tuned on validation photos: once after training, and again after quantization.

Both tuners smooth the F1 curve over neighbouring thresholds and stay as near to a default as one standard error allows.
Source: the one-standard-error rule of Breiman et al., "Classification and regression trees", 1984.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch
from fashion_edge.statistics import standard_error

GRID = np.round(np.arange(0.05, 0.96, 0.01), 2)
WINDOW = 9  # grid steps to smooth over: a threshold should lie on a plateau of F1, not on a peak due to chance
DEFAULT = 0.5
# In a group only the highest score is decided, so a threshold may be lower: a shirt at 0.45 next to a dress at 0.3 is
# better called a shirt than nothing. On held-out photos this gained 0.3 to 0.6 points of exact match in each of three
# networks, for one point of true-negative rate on background images.
DEFAULT_IN_GROUP = 0.4
# For labels with background examples (recoloured cloth): another 0.0 to 0.3 points in each of three networks, for one
# point of true-negative rate on such cloth.
DEFAULT_WITH_BACKGROUND = 0.3

QUANTIZED_STEPS = 256  # the converter gives an int8 sigmoid the output scale 1/256, whatever the network
QUANTIZED_WINDOW = 23  # 0.09
# Training tuned the thresholds on background images as well, which the validation photos do not include. A shift caused
# by int8 is corrected, but no label gets a threshold so low that it fires on anything.
QUANTIZED_REACH = 51  # steps, 0.2


@dataclass(frozen=True)
class TunedThreshold:
    """One label's threshold before and after, and the F1 (0..1) of the decisions at both."""

    label: str
    before: float
    after: float
    f1_before: float
    f1_after: float


def tune_thresholds(
    scores: NDArray[np.float32],
    targets: NDArray[np.float32],
    labels: Sequence[str],
    target_precision: float | None = None,
    weights: NDArray[np.float32] | None = None,
    defaults: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Choose a threshold for each label of a trained network.

    Without `target_precision`: of the thresholds whose smoothed F1 lies within one standard error of the best, the one
    nearest to the default. Smaller differences are not significant on so few photos. With `target_precision`: the
    lowest threshold that reaches it; where none does, the one that comes nearest, or the default for a label without a
    true positive, since the lowest threshold would fire on anything.

    Args:
        scores: (n, n_labels) in 0..1.
        targets: (n, n_labels) of 0 and 1.
        labels: in output order.
        target_precision: 0..1.
        weights: (n,) weight of each photo for F1; all 1 by default. Precision ignores them.
        defaults: label -> the threshold to stay near; 0.5 for a label that is not in it.

    Returns:
        Label -> threshold.
    """
    weight = np.ones((len(scores), 1), np.float32) if weights is None else weights[:, None]
    tuned = {}
    for column, label in enumerate(labels):
        chosen = scores[:, column, None] >= GRID[None, :]
        truth = targets[:, column, None] > 0.5
        default = (defaults or {}).get(label, DEFAULT)
        if target_precision is None:
            hits, positives = (weight * (chosen & truth)).sum(0), (weight * truth).sum()
            f1 = 2 * hits / np.maximum((weight * chosen).sum(0) + positives, 1)
            best = _nearest_to_default(_smooth(f1, WINDOW), GRID - default, int(truth.sum()))
        else:
            best = _reach_precision(chosen & truth, chosen, target_precision, default)
        tuned[label] = float(GRID[best])
    return tuned


def retune_quantized(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], space: LabelSpace
) -> tuple[LabelSpace, list[TunedThreshold]]:
    """Correct thresholds for the scores of an int8 model, on the 1/256 grid of its sigmoid.

    A threshold moves only where the smoothed F1 gains more than one standard error, and no further than 0.2. Each one
    lies half-way between two steps of the grid, where no int8 score can be.

    Args:
        scores: (n, labels) of the int8 model, 0..1.
        truth: (n, labels).
        space: labels, groups and the thresholds to start from.

    Returns:
        The label space with the new thresholds, and one entry per label.
    """
    tuned = []
    for column, label in enumerate(space.labels):
        before = space.thresholds[label]
        start = int(min(max(np.ceil(before * QUANTIZED_STEPS - 1e-6), 1), QUANTIZED_STEPS)) - 1
        trials = [_with_threshold(space, label, step) for step in range(QUANTIZED_STEPS)]
        f1 = np.array([_f1(decide_batch(scores, trial)[:, column], truth[:, column]) for trial in trials])
        distances = np.arange(QUANTIZED_STEPS) - start
        nearest = _nearest_to_default(_smooth(f1, QUANTIZED_WINDOW), distances, int(truth[:, column].sum()))
        reached = min(max(nearest, start - QUANTIZED_REACH), start + QUANTIZED_REACH)
        end = reached if f1[reached] > f1[start] else start
        space = trials[end]
        tuned.append(TunedThreshold(label, before, space.thresholds[label], float(f1[start]), float(f1[end])))
    return space, tuned


def labels_below_precision(
    scores: NDArray[np.float32], targets: NDArray[np.float32], thresholds: Mapping[str, float], target_precision: float
) -> list[str]:
    """Labels, in output order, whose threshold does not reach the precision on scores and targets (n, n_labels)."""
    chosen, truth = scores >= np.array(list(thresholds.values()))[None, :], targets > 0.5
    precision = (chosen & truth).sum(0) / np.maximum(chosen.sum(0), 1)
    return [label for label, reached in zip(thresholds, precision, strict=True) if reached < target_precision]


def _smooth(values: NDArray[np.float64], window: int) -> NDArray[np.float64]:
    padded = np.pad(values, window // 2, mode="edge")
    return np.convolve(padded, np.ones(window) / window, mode="valid")


def _nearest_to_default(f1: NDArray[np.float64], distances: NDArray[np.number], positives: int) -> int:
    """Index nearest to the default (distance 0) of those whose F1 lies within one standard error of the best."""
    good = np.flatnonzero(f1 >= f1.max() - standard_error(float(f1.max()), positives))
    return int(good[np.abs(distances[good]).argmin()])


def _reach_precision(
    hits: NDArray[np.bool_], chosen: NDArray[np.bool_], target_precision: float, default: float
) -> int:
    """Index of the lowest threshold of `GRID` that reaches a precision; both arrays are (n, len(GRID))."""
    positives = chosen.sum(0)
    precision = np.where(positives > 0, hits.sum(0) / np.maximum(positives, 1), 0.0)
    if len(reached := np.flatnonzero(precision >= target_precision)):
        return int(reached[0])
    return int(precision.argmax()) if hits.any() else int(np.abs(GRID - default).argmin())


def _with_threshold(space: LabelSpace, label: str, step: int) -> LabelSpace:
    """The label space with the threshold half-way between `step` and the next, so that float scores agree the most."""
    return replace(space, thresholds={**space.thresholds, label: (step + 0.5) / QUANTIZED_STEPS})


def _f1(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> float:
    return 2 * float((chosen & truth).sum()) / max(int(chosen.sum() + truth.sum()), 1)
