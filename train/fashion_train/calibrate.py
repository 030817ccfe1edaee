"""Scores that mean what they say: of the photos scored 0.8, four in five carry the label.

Calibration is a straight line on each label's logit, so it folds into the last layer's weights: the model
that is written gives calibrated scores by itself, in every format it is exported to.
Source: Platt, "Probabilistic outputs for support vector machines", 1999, with his smoothed targets.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Scores = NDArray[np.float32]
BINS = 10
SCALES = (0.4, 2.5)  # a few hundred photos do not carry a bolder correction


@dataclass(frozen=True)
class Calibration:
    """New logit = scale x logit + offset, for each label."""

    scale: NDArray[np.float64]  # (labels,)
    offset: NDArray[np.float64]  # (labels,)

    def fold_into(self, model: "keras.Model") -> None:
        """Change the last layer, called `scores`, so that its sigmoid comes out calibrated."""
        layer = model.get_layer("scores")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * self.scale, bias * self.scale + self.offset])


def fit_platt(scores: Scores, targets: Scores) -> Calibration:
    """The line for each label that makes (n, labels) sigmoid scores most likely to give the targets."""
    from scipy.optimize import minimize

    lines = []
    for column in range(scores.shape[1]):
        logits, truth = _logit(scores[:, column]), targets[:, column] > 0.5
        positives, negatives = truth.sum(), (~truth).sum()
        if not positives or not negatives:
            lines.append((1.0, 0.0))
            continue
        wanted = np.where(truth, (positives + 1) / (positives + 2), 1 / (negatives + 2))

        def loss(line: NDArray[np.float64], z: NDArray[np.float64] = logits, t: NDArray[np.float64] = wanted) -> float:
            logit = line[0] * z + line[1]
            return float(np.mean(np.logaddexp(0, logit) - t * logit))

        found = minimize(loss, (1.0, 0.0), method="L-BFGS-B", bounds=(SCALES, (-3, 3)))
        lines.append((float(found.x[0]), float(found.x[1])))
    scale, offset = np.array(lines).T
    return Calibration(scale, offset)


def fit_temperature(scores: Scores, targets: Scores) -> Calibration:
    """One scale for all labels of softmax scores (n, labels). Source: Guo et al., "On calibration", 2017."""
    from scipy.optimize import minimize_scalar

    logits = np.log(scores.astype(np.float64).clip(1e-7, 1))
    truth = targets.argmax(axis=1)

    def loss(scale: float) -> float:
        scaled = scale * logits
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(truth)), truth]))

    scale = float(minimize_scalar(loss, bounds=SCALES, method="bounded").x)
    return Calibration(np.full(scores.shape[1], scale), np.zeros(scores.shape[1]))


def reliability(scores: Scores, targets: Scores) -> list[tuple[float, float, int]]:
    """For each of ten score ranges that is not empty: mean score, share that carries the label, how many."""
    flat, truth = scores.ravel(), targets.ravel() > 0.5
    bins = np.minimum((flat * BINS).astype(int), BINS - 1)
    return [
        (float(flat[bins == b].mean()), float(truth[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]


def calibration_error(scores: Scores, targets: Scores) -> float:
    """Expected calibration error over all label decisions, 0..1."""
    rows = reliability(scores, targets)
    return sum(abs(said - was) * count for said, was, count in rows) / sum(count for _, _, count in rows)


def _logit(scores: Scores) -> NDArray[np.float64]:
    clipped = scores.astype(np.float64).clip(1e-6, 1 - 1e-6)
    logits: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return logits
