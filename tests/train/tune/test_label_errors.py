"""Likely label errors, found by out-of-fold predictions."""

import numpy as np
import pytest

from fashion_edge.progress import make_progress
from fashion_train.tune import label_errors
from fashion_train.tune.label_errors import find_contradicted, find_label_errors

pytestmark = pytest.mark.slow


def test_a_label_that_contradicts_all_similar_photos_is_found():
    rng = np.random.default_rng(0)
    truth = np.arange(200) % 2
    features = (rng.normal(size=(200, 500)) + 3 * truth[:, None]).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[truth]
    targets[7] = targets[6]  # the photo is a shirt, its label says dress
    found = find_contradicted(features, range(200), targets, range(200), ["dress", "shirt"])
    assert {(error.index, error.label, error.given) for error in found} == {(7, "dress", True), (7, "shirt", False)}
    assert all(abs(error.probability - error.given) > 0.95 for error in found)


def test_copies_of_a_few_photos_have_no_label_errors():
    features = np.random.default_rng(0).normal(size=(24, 8)).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[[number % 2 for number in range(24)]]
    copies = [number % 4 for number in range(24)]
    assert find_contradicted(features, range(24), targets, copies, ["dress", "shirt"]) == []


def test_a_bounded_number_of_photos_of_a_large_data_set_is_searched(prepared, monkeypatch):
    searched = []

    def predict(pictures):
        searched.extend(pictures)
        return np.random.default_rng(0).normal(size=(len(pictures), 8)).astype(np.float32)

    monkeypatch.setattr(label_errors, "MAX_PHOTOS", 20)
    monkeypatch.setattr(label_errors, "build_features", lambda _size: None)
    monkeypatch.setattr(label_errors, "make_predict", lambda _model: predict)
    find_label_errors(prepared, make_progress(False))
    assert 10 <= len(searched) <= 20
