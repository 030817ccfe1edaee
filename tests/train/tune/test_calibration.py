"""Temperature scaling, default thresholds, and the pictures that thresholds are tuned on."""

import numpy as np
import pytest

from fashion_train.data import cache
from fashion_train.data.dataset import load_dataset
from fashion_train.options import TrainOptions, find_recipe
from fashion_train.tune.calibration import (
    TuningSet,
    calibration_error,
    default_thresholds,
    fit_temperature,
    fit_temperatures,
    fold_into,
)
from fashion_train.tune.evaluate import score

CHUNK = 4


def test_the_default_threshold_of_a_colour_is_lower_where_unlabelled_colours_were_trained_on(shapes):
    dataset = load_dataset(shapes)
    defaults = default_thresholds(dataset, with_background=True)
    assert {defaults[label] for label in dataset.groups["colour"]} == {0.3}
    assert {defaults[label] for label in dataset.groups["garment"]} == {0.4}
    assert set(default_thresholds(dataset, with_background=False).values()) == {0.4}


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def test_each_label_of_a_sigmoid_gets_a_temperature_that_corrects_overconfidence():
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 1.5, (4000, 1))
    targets = (rng.random((4000, 1)) < sigmoid(logits)).astype(np.float32)
    assert fit_temperatures(sigmoid(2 * logits).astype(np.float32), targets)[0] == pytest.approx(0.5, abs=0.06)
    ones = np.ones((9, 1), np.float32)  # a label that every photo has is not calibrated
    assert fit_temperatures(0.7 * ones, ones).tolist() == [1.0]


def test_a_softmax_gets_one_temperature_that_corrects_overconfidence():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, (4000, 3))
    truth = (softmax(logits).cumsum(1) > rng.random((4000, 1))).argmax(1)
    scale = fit_temperature(softmax(2 * logits).astype(np.float32), np.eye(3, dtype=np.float32)[truth])
    assert scale == pytest.approx([0.5] * 3, abs=0.06)


def test_photos_without_a_label_do_not_change_the_temperature_of_a_softmax():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 300)
    scores = np.full((300, 3), 0.1, np.float32)
    scores[np.arange(300), truth] = 0.8
    targets = np.eye(3, dtype=np.float32)[truth]
    with_others = np.concatenate([targets, np.zeros((90, 3), np.float32)])
    scale = fit_temperature(np.concatenate([scores, scores[:90]]), with_others)
    np.testing.assert_allclose(scale, fit_temperature(scores, targets))
    assert fit_temperature(scores[:9], np.zeros((9, 3), np.float32)).tolist() == [1.0] * 3


@pytest.mark.slow
def test_folding_scales_the_logits_of_the_model_and_keeps_decisions_at_a_half():
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="sigmoid", name="scores")])
    inputs = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    before = np.asarray(model(inputs))
    scales = fit_temperatures(before, (before > 0.4).astype(np.float32))
    fold_into(model, scales)
    after, logits = np.asarray(model(inputs)), np.log(before / (1 - before)) * scales
    assert ((after > 0.5) == (before > 0.5)).all()
    np.testing.assert_allclose(after, 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_calibration_error_is_the_distance_of_scores_from_frequencies():
    scores = np.full((1000, 1), 0.3, np.float32)
    targets = (np.arange(1000)[:, None] < 300).astype(np.float32)
    assert calibration_error(scores, targets) == pytest.approx(0, abs=1e-6)
    assert calibration_error(scores + 0.4, targets) == pytest.approx(0.4, abs=1e-6)


def test_tuning_reads_photos_negatives_and_recoloured_copies_in_chunks(shapes, things, prepare_photos, monkeypatch):
    sizes = []

    def predict(pictures):
        sizes.append(len(pictures))
        return pictures.mean(axis=(1, 2, 3), dtype=np.float32)[:, None] / 255

    monkeypatch.setattr(cache, "CHUNK", CHUNK)
    options = TrainOptions(shapes, shapes / "unused", find_recipe("default"), negatives=things)
    prepared = prepare_photos(shapes, negatives=things)
    tuning = TuningSet.gather(options, prepared)
    scores = tuning.score(predict)
    assert len(scores) == len(tuning.targets) > len(prepared.on("val")) + len(prepared.negatives.on("val"))
    assert max(sizes) <= CHUNK
    assert tuning.has_unnamed, "a third of the copies has a colour without a label"
    photos = score(predict, prepared.decoded.exact, prepared.on("val"))
    assert scores[: len(photos)].tolist() == photos.tolist()


def test_a_recipe_without_unknown_colours_tunes_without_them(shapes, prepared):
    options = TrainOptions(shapes, shapes / "unused", find_recipe("default", unknown_colours=0.0))
    assert not TuningSet.gather(options, prepared).has_unnamed
