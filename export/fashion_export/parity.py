"""How far a variant is from the Keras model, on held-out photos, with the code that runs on the device."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch

Scores = NDArray[np.float32]
CLEAR = 0.2  # a Keras score this far from its threshold is a clear one


@dataclass(frozen=True)
class Parity:
    """One variant against Keras; accuracies and rates are fractions of 1, None where no photo has a label."""

    photos: int
    label_accuracy: float | None
    exact_match: float | None
    keras_label_accuracy: float | None
    keras_exact_match: float | None
    flips: int  # label decisions that differ
    clear_flips: int  # of them, where Keras is right and its score is `CLEAR` from the threshold
    flips_per_label: dict[str, int]
    flip_rate: float
    drift_max: float  # largest score difference
    drift_mean: float
    flipped: tuple[int, ...]  # rows with a flip

    def to_metrics(self) -> dict[str, Any]:
        """What the manifest keeps; rounded, so that a report reads well and two exports compare."""
        metrics = {key: value for key, value in vars(self).items() if key != "flipped" and value is not None}
        return {key: round(value, 6) if isinstance(value, float) else value for key, value in metrics.items()}


def compare(keras: Scores, variant: Scores, truth: NDArray[np.bool_], space: LabelSpace) -> Parity:
    """Compare scores (n, labels) of the same photos at the thresholds of `space`; n is at least 1.

    A `truth` that is False throughout means photos of unknown labels: agreement is measured, accuracy is not.
    """
    reference, decided = decide_batch(keras, space), decide_batch(variant, space)
    differs, drift = reference != decided, np.abs(keras - variant)
    clear = (reference == truth) & (np.abs(keras - space.threshold_vector()) > CLEAR)
    known = bool(truth.any())
    return Parity(
        photos=len(truth),
        label_accuracy=float((decided == truth).mean()) if known else None,
        exact_match=float((decided == truth).all(axis=1).mean()) if known else None,
        keras_label_accuracy=float((reference == truth).mean()) if known else None,
        keras_exact_match=float((reference == truth).all(axis=1).mean()) if known else None,
        flips=int(differs.sum()),
        clear_flips=int((differs & clear).sum()) if known else 0,
        flips_per_label={label: int(n) for label, n in zip(space.labels, differs.sum(axis=0), strict=True)},
        flip_rate=float(differs.mean()),
        drift_max=float(drift.max()),
        drift_mean=float(drift.mean()),
        flipped=tuple(int(row) for row in np.flatnonzero(differs.any(axis=1))),
    )
