"""Likely label errors: a model that was fitted without the photo contradicts its label. They are listed, not removed.

Source: Northcutt et al., "Confident learning", 2021, in its simplest form: out-of-fold predictions. This is an own
implementation since cleanlab is licensed under the AGPL.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_edge.progress import Progress
from fashion_train.data.cache import PixelStore
from fashion_train.data.prepare import Prepared
from fashion_train.networks.efficientnet_lite0 import build_features
from fashion_train.tune.evaluate import make_predict

FOLDS = 5
CERTAIN = 0.95  # smallest out-of-fold probability of the opposite
MAX_ERRORS = 40
MAX_PHOTOS = 10_000  # so that their features fit into memory
BATCH = 16
BINS = 6  # of a colour histogram, per channel


@dataclass(frozen=True)
class LabelError:
    """One label of one photo that the out-of-fold model contradicts."""

    index: int  # of the photo
    label: str
    given: bool  # whether the photo has the label
    probability: float  # that it should, by the out-of-fold model


def find_label_errors(prepared: Prepared, progress: Progress) -> list[LabelError]:
    """Search the readable photos, at most `MAX_PHOTOS`, by their ImageNet features and their colours."""
    store, photos = prepared.decoded.large, prepared.decoded.readable
    photos = photos[:: -(-len(photos) // MAX_PHOTOS)]
    predict, chunks = make_predict(build_features(store.shape[:2])), []
    with progress:
        for start in range(0, len(photos), BATCH):
            chunks.append(predict(store.read_many(photos[start : start + BATCH])))
            progress.update("searching for label errors", min(start + BATCH, len(photos)), len(photos))
    features = np.concatenate([np.concatenate(chunks), colour_histograms(store, photos)], axis=1)
    return find_contradicted(features, photos, prepared.targets, prepared.duplicate_groups, prepared.dataset.labels)


def find_contradicted(
    features: NDArray[np.float32],
    indices: Sequence[int],
    targets: NDArray[np.float32],
    groups: Sequence[int],
    labels: Sequence[str],
) -> list[LabelError]:
    """The labels that out-of-fold predictions contradict most, at most `MAX_ERRORS`.

    Row i of `features` (n, d) describes photo `indices[i]`, a position in `targets` (photos, labels) and in the
    near-duplicate `groups`, whose photos are always in the same fold.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    rows = list(indices)
    originals = [groups[index] for index in rows]
    if len(set(originals)) < FOLDS:
        return []
    scaled = (features - features.mean(axis=0)) / (features.std(axis=0) + 1e-6)
    errors = []
    for column, label in enumerate(labels):
        truth = targets[rows, column] > 0.5
        if min(truth.sum(), (~truth).sum()) < 2 * FOLDS:
            continue
        folds = list(GroupKFold(FOLDS).split(scaled, truth, originals))
        if any(truth[known].min() == truth[known].max() for known, _ in folds):
            continue  # all photos with the label, or without it, are copies of one: a fold has nothing to compare
        model = LogisticRegression(C=0.003, max_iter=200)
        odds = cross_val_predict(model, scaled, truth, cv=folds, method="predict_proba")[:, 1]
        wrong = np.where(truth, 1 - odds, odds)
        errors += [LabelError(rows[i], label, bool(truth[i]), float(odds[i])) for i in np.flatnonzero(wrong >= CERTAIN)]
    return sorted(errors, key=lambda error: -abs(error.probability - error.given))[:MAX_ERRORS]


def colour_histograms(store: PixelStore, indices: Sequence[int]) -> NDArray[np.float32]:
    """Histograms of stored pictures in Lab: (n, 216) float32. ImageNet features describe shapes better than colours."""
    rows = []
    for index in indices:
        lab = cv2.cvtColor(store.read(index), cv2.COLOR_RGB2LAB)
        counts = cv2.calcHist([lab], [0, 1, 2], None, [BINS] * 3, [0, 256, 64, 192, 64, 192])
        rows.append(np.sqrt(counts.ravel() / lab[..., 0].size))
    return np.array(rows, np.float32).reshape(len(rows), BINS**3)
