"""How good a network is on the photos it did not learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fashion_edge.decide import LabelSpace
from fashion_train.data.cache import PixelStore
from fashion_train.data.prepare import Prepared
from fashion_train.fit.distillation import Predict
from fashion_train.tune.metrics import Metrics, Scores, Silence, measure, silent

SIDES = ("val", "test")


@dataclass(frozen=True)
class Judgement:
    """Scores and what they come to, by side of the split."""

    scores: dict[str, Scores]  # (n, labels), photos of `prepared.on(side)`
    metrics: dict[str, Metrics]
    silence: dict[str, Silence]  # on the negatives of the side

    def to_json(self) -> dict[str, Any]:
        """The keys `metrics` and `negatives` of run.json."""
        return {
            "metrics": {side: metrics.to_json() for side, metrics in self.metrics.items()},
            "negatives": {side: silence.to_json() for side, silence in self.silence.items()},
        }


def judge(predict: Predict, prepared: Prepared, space: LabelSpace) -> Judgement:
    """Measure on the validation and test photos, and on the negatives of both sides.

    Args:
        predict: scores (n, labels) of pictures (n, h, w, 3) uint8 in the input's size.
        prepared: photos and their split.
        space: labels, groups and thresholds to decide by.
    """
    scores = {side: score(predict, prepared.decoded.exact, prepared.on(side)) for side in SIDES if prepared.on(side)}
    metrics = {side: measure(found, prepared.targets[prepared.on(side)], space) for side, found in scores.items()}
    silence, negatives = {}, prepared.negatives
    for side in SIDES:
        if negatives and (indices := negatives.on(side)):
            silence[side] = silent(score(predict, negatives.decoded.exact, indices), space)
    return Judgement(scores, metrics, silence)


def score(predict: Predict, store: PixelStore, indices: Sequence[int]) -> Scores:
    """Scores (n, labels) of stored pictures, at least one, however many there are."""
    return np.concatenate([predict(part) for part in store.parts(indices)])
