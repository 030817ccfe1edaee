"""The score each label must reach, tuned on validation photos."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

GRID = np.round(np.arange(0.05, 0.96, 0.01), 2)
USUAL = 0.5
USUAL_IN_GROUP = 0.4
USUAL_TAUGHT = 0.3
_WINDOW = 9  # grid steps to smooth over: a threshold should stand on a plateau, not on a peak of luck


def tune_thresholds(
    scores: NDArray[np.float32],
    targets: NDArray[np.float32],
    labels: Sequence[str],
    target_precision: float | None = None,
    weights: NDArray[np.float32] | None = None,
    usual: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """For each label, of the thresholds whose smoothed F1 is within luck of the best, the one nearest to the usual one.

    The usual one is `USUAL`, unless `usual` has another. In a group it may be lower, since only the highest score is
    decided: a shirt at 0.45 beside a dress at 0.3 is better called a shirt than nothing. On photos kept apart
    `USUAL_IN_GROUP` was 0.3 to 0.6 points of exact match in each of three networks, for one point of silence on other
    things; `USUAL_TAUGHT`, for labels whose absence is taught by recoloured cloth, 0.0 to 0.3 more in each of three,
    for one point of silence on such cloth.

    Luck is one standard error: what is closer cannot be told apart on so few photos, and a threshold moved for it
    does worse on the next ones. Source: the one-standard-error rule of Breiman et al., "Classification and regression
    trees", 1984.

    With `target_precision` instead the lowest threshold that reaches it; where none does, the one that comes nearest,
    and the usual one for a label that is right about no photo: all are as far then, and the lowest fires on anything.

    Args:
        scores: (n, n_labels) in 0..1.
        targets: (n, n_labels) of 0 and 1.
        labels: in output order.
        target_precision: 0..1.
        weights: (n,) what each counts for F1; all alike by default. A precision is reached on them all alike.
        usual: label -> the threshold to stay near.
    """
    weigh = np.ones((len(scores), 1), np.float32) if weights is None else weights[:, None]
    tuned = {}
    for column, label in enumerate(labels):
        said = scores[:, column, None] >= GRID[None, :]
        truth = targets[:, column, None] > 0.5
        hits, positives = (said & truth).sum(0), said.sum(0)
        near = (usual or {}).get(label, USUAL)
        if target_precision is None:
            found, asked = (weigh * (said & truth)).sum(0), (weigh * truth).sum()
            f1 = 2 * found / np.maximum((weigh * said).sum(0) + asked, 1)
            best = _nearest(near, _smooth(f1), int(truth.sum()))
        else:
            precision = np.where(positives > 0, hits / np.maximum(positives, 1), 0.0)
            reached = np.flatnonzero(precision >= target_precision)
            nearest = int(precision.argmax()) if hits.any() else int(np.abs(GRID - near).argmin())
            best = int(reached[0]) if len(reached) else nearest
        tuned[label] = float(GRID[best])
    return tuned


def find_missed(
    scores: NDArray[np.float32], targets: NDArray[np.float32], thresholds: Mapping[str, float], target_precision: float
) -> list[str]:
    """The labels, in output order, whose threshold does not reach the precision on scores and targets (n, n_labels)."""
    said, truth = scores >= np.array(list(thresholds.values()))[None, :], targets > 0.5
    precision = (said & truth).sum(0) / np.maximum(said.sum(0), 1)
    return [label for label, reached in zip(thresholds, precision, strict=True) if reached < target_precision]


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(values, _WINDOW // 2, mode="edge")
    return np.convolve(padded, np.ones(_WINDOW) / _WINDOW, mode="valid")


def _nearest(usual: float, values: NDArray[np.float64], positives: int) -> int:
    """The grid step nearest to the usual threshold of those whose F1 lies within one standard error of the best."""
    good = np.flatnonzero(values >= values.max() - standard_error(float(values.max()), positives))
    return int(good[np.abs(GRID[good] - usual).argmin()])


def standard_error(share: float, photos: int) -> float:
    """Of a share measured on so many photos; never zero, since a hundred right ones do not prove the next."""
    careful = (share * photos + 1) / (photos + 2)
    return float(np.sqrt(careful * (1 - careful) / max(photos, 1)))
