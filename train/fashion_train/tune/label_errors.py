"""Labels that look wrong: photos about which a model that never saw them disagrees. They are listed, never dropped.

Source: Northcutt et al., "Confident learning", 2021, in its simplest form: out-of-fold predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_train.data.cache import PixelStore
from fashion_train.data.prepare import Prepared, Tick
from fashion_train.fit.teacher import build_features, extract

FOLDS = 5
CERTAIN = 0.95  # how sure the out-of-fold model must be of the opposite
MOST = 40
LOOKED_AT = 10_000  # photos at most, so that their features fit into memory
_BINS = 6


@dataclass(frozen=True)
class Suspect:
    """One label of one photo that the out-of-fold model contradicts."""

    index: int  # of the photo
    label: str
    given: bool  # whether the photo carries the label
    probability: float  # that it should, by the out-of-fold model


def find_doubtful(prepared: Prepared, tick: Tick) -> list[Suspect]:
    """Look at the readable photos, or at `LOOKED_AT` of them, with the eyes of ImageNet and at their colours."""
    large, readable = prepared.decoded.large, prepared.decoded.readable
    readable = readable[:: -(-len(readable) // LOOKED_AT)]
    features = extract(
        build_features(large.shape[:2]),
        large,
        readable,
        lambda n: tick("looking for doubtful labels", n, len(readable)),
    )
    described = np.concatenate([features, colour_histograms(large, readable)], axis=1)
    return find_suspects(described, readable, prepared.targets, prepared.duplicate_groups, prepared.dataset.labels)


def find_suspects(
    features: NDArray[np.float32],
    indices: Sequence[int],
    targets: NDArray[np.float32],
    groups: Sequence[int],
    labels: Sequence[str],
) -> list[Suspect]:
    """The most doubtful labels first, at most forty.

    Args:
        features: (n, d), row i describing photo `indices[i]`.
        indices: photos, as positions in `targets` and `groups`.
        targets: (photos, labels) of 0 and 1.
        groups: duplicate groups; copies of a photo never vouch for each other.
        labels: in the order of the columns.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    rows = list(indices)
    originals = [groups[index] for index in rows]
    if len(set(originals)) < FOLDS:
        return []  # they cannot be divided without a copy on both sides
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    suspects = []
    for column, label in enumerate(labels):
        truth = targets[rows, column] > 0.5
        if min(truth.sum(), (~truth).sum()) < 2 * FOLDS:
            continue
        folds = list(GroupKFold(FOLDS).split(scaled, truth, originals))
        if any(truth[known].min() == truth[known].max() for known, _ in folds):
            continue  # all photos with it, or without, are copies of one: nothing is left to compare with
        model = LogisticRegression(C=0.003, max_iter=200)
        odds = cross_val_predict(model, scaled, truth, cv=folds, method="predict_proba")[:, 1]
        wrong = np.where(truth, 1 - odds, odds)
        suspects += [Suspect(rows[i], label, bool(truth[i]), float(odds[i])) for i in np.flatnonzero(wrong >= CERTAIN)]
    return sorted(suspects, key=lambda s: -abs(s.probability - s.given))[:MOST]


def colour_histograms(store: PixelStore, indices: Sequence[int]) -> NDArray[np.float32]:
    """What colours each stored picture has, in Lab: (n, 216) float32. ImageNet knows shapes better."""
    rows = []
    for index in indices:
        lab = cv2.cvtColor(store.read(index), cv2.COLOR_RGB2LAB)
        counts = cv2.calcHist([lab], [0, 1, 2], None, [_BINS] * 3, [0, 256, 64, 192, 64, 192])
        rows.append(np.sqrt(counts.ravel() / lab[..., 0].size))
    return np.array(rows, np.float32).reshape(len(rows), _BINS**3)
