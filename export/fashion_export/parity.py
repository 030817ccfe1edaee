"""How far a variant is from the Keras model, on held-out photos, with the code that runs on the device."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch

Scores = NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """One variant against Keras; accuracies and rates are fractions of 1."""

    photos: int
    label_accuracy: float
    exact_match: float
    keras_label_accuracy: float
    keras_exact_match: float
    flips: int  # label decisions that differ
    flips_per_label: dict[str, int]
    flip_rate: float
    drift_max: float  # largest score difference
    drift_mean: float
    flipped: tuple[int, ...]  # rows with a flip

    def to_metrics(self) -> dict[str, Any]:
        """What the manifest keeps; rounded, so that a report reads well and two exports compare."""
        return {
            "photos": self.photos,
            "label_accuracy": round(self.label_accuracy, 5),
            "exact_match": round(self.exact_match, 5),
            "keras_label_accuracy": round(self.keras_label_accuracy, 5),
            "keras_exact_match": round(self.keras_exact_match, 5),
            "flips": self.flips,
            "flips_per_label": self.flips_per_label,
            "flip_rate": round(self.flip_rate, 6),
            "drift_max": round(self.drift_max, 5),
            "drift_mean": round(self.drift_mean, 6),
        }


def compare(keras: Scores, variant: Scores, truth: NDArray[np.bool_], space: LabelSpace) -> Parity:
    """Compare scores (n, labels) of the same photos at the thresholds of `space`; n is at least 1."""
    reference, decided = decide_batch(keras, space), decide_batch(variant, space)
    differs, drift = reference != decided, np.abs(keras - variant)
    return Parity(
        photos=len(truth),
        label_accuracy=float((decided == truth).mean()),
        exact_match=float((decided == truth).all(axis=1).mean()),
        keras_label_accuracy=float((reference == truth).mean()),
        keras_exact_match=float((reference == truth).all(axis=1).mean()),
        flips=int(differs.sum()),
        flips_per_label={label: int(n) for label, n in zip(space.labels, differs.sum(axis=0), strict=True)},
        flip_rate=float(differs.mean()),
        drift_max=float(drift.max()),
        drift_mean=float(drift.mean()),
        flipped=tuple(int(row) for row in np.flatnonzero(differs.any(axis=1))),
    )
