"""Metrics, thresholds and calibration."""

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_train.data.dataset import load_dataset
from fashion_train.tune.calibration import calibration_error, fit_temperature, fit_temperatures, usual_thresholds
from fashion_train.tune.metrics import encode, measure, silent

pytestmark = pytest.mark.slow

SPACE = LabelSpace(
    ("blue", "dress", "red", "shirt"),
    {"colour": ("blue", "red"), "garment": ("dress", "shirt")},
    dict.fromkeys(("blue", "dress", "red", "shirt"), 0.5),
)


def test_exact_match_wants_every_label_and_label_accuracy_counts_each():
    targets = encode([("red", "dress"), ("blue", "shirt")], SPACE.labels)
    scores = np.array([[0.1, 0.9, 0.8, 0.2], [0.4, 0.1, 0.1, 0.9]], np.float32)
    metrics = measure(scores, targets, SPACE)
    assert metrics.exact_match == 0.5
    assert metrics.label_accuracy == 7 / 8
    assert metrics.per_combination == {"blue shirt": 0.0, "red dress": 1.0}
    assert metrics.per_label["blue"] == {"precision": None, "recall": 0.0, "f1": 0.0}  # it was never said


def test_no_photo_is_no_metric():
    with pytest.raises(ValueError, match="at least one photo"):
        measure(np.zeros((0, 4), np.float32), np.zeros((0, 4), np.float32), SPACE)


def test_silence_is_counted_for_all_and_by_group():
    scores = np.array([[0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.9, 0.1]], np.float32)
    result = silent(scores, SPACE)
    assert result.silent == 0.5
    assert result.by_group == {"colour": 0.5, "garment": 1.0}


def test_a_colour_may_be_shy_where_cloth_without_a_label_was_taught(shapes):
    dataset = load_dataset(shapes)
    usual = usual_thresholds(dataset, taught=True)
    assert {usual[label] for label in dataset.groups["colour"]} == {0.3}
    assert {usual[label] for label in dataset.groups["garment"]} == {0.4}
    assert set(usual_thresholds(dataset, taught=False).values()) == {0.4}


def test_a_label_that_every_photo_carries_is_left_as_it_is():
    assert fit_temperatures(np.full((9, 1), 0.7, np.float32), np.ones((9, 1), np.float32)).scale.tolist() == [1.0]


def test_photos_without_a_label_do_not_blunt_a_softmax():
    rng = np.random.default_rng(5)
    truth = rng.integers(0, 3, 300)
    scores = np.full((300, 3), 0.1, np.float32)
    scores[np.arange(300), truth] = 0.8
    targets = np.eye(3, dtype=np.float32)[truth]
    alone = fit_temperature(scores, targets).scale
    nothing = np.concatenate([targets, np.zeros((90, 3), np.float32)])
    beside = fit_temperature(np.concatenate([scores, scores[:90]]), nothing).scale
    np.testing.assert_allclose(beside, alone)
    assert fit_temperature(scores[:9], np.zeros((9, 3), np.float32)).scale.tolist() == [1.0] * 3


def test_a_temperature_for_each_label_mends_scores_that_claim_too_much():
    rng = np.random.default_rng(1)
    truth_logit = rng.normal(0, 1.5, (4000, 1))
    targets = (rng.random((4000, 1)) < 1 / (1 + np.exp(-truth_logit))).astype(np.float32)
    bold = (1 / (1 + np.exp(-2 * truth_logit))).astype(np.float32)
    line = fit_temperatures(bold, targets)
    assert line.scale[0] == pytest.approx(0.5, abs=0.06)


def test_a_temperature_mends_softmax_scores():
    rng = np.random.default_rng(2)
    logits = rng.normal(0, 1.5, (4000, 3))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (odds.cumsum(1) > rng.random((4000, 1))).argmax(1)
    bold = np.exp(2 * logits) / np.exp(2 * logits).sum(1, keepdims=True)
    line = fit_temperature(bold.astype(np.float32), np.eye(3, dtype=np.float32)[truth])
    assert line.scale == pytest.approx([0.5] * 3, abs=0.06)


def test_folding_sharpens_the_scores_and_leaves_a_half_where_it_is():
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2, activation="sigmoid", name="scores")])
    inputs = np.random.default_rng(3).normal(size=(20, 3)).astype(np.float32)
    before = np.asarray(model(inputs))
    line = fit_temperatures(before, (before > 0.4).astype(np.float32))
    line.fold_into(model)
    logits = np.log(before / (1 - before)) * line.scale
    assert ((np.asarray(model(inputs)) > 0.5) == (before > 0.5)).all()
    np.testing.assert_allclose(np.asarray(model(inputs)), 1 / (1 + np.exp(-logits)), atol=1e-5)


def test_calibration_error_is_zero_for_honest_scores_and_not_for_others():
    scores = np.full((1000, 1), 0.3, np.float32)
    targets = (np.arange(1000)[:, None] < 300).astype(np.float32)
    assert calibration_error(scores, targets) == pytest.approx(0, abs=1e-6)
    assert calibration_error(scores + 0.4, targets) == pytest.approx(0.4, abs=1e-6)


def test_a_share_that_is_kept_is_shown_as_it_was_measured():
    right = np.zeros((206, 6), np.float32)
    wrong = right.copy()
    wrong[0] = 0.9  # 1,230 of 1,236: 99.515 % to three places, 99.51 % to two
    labels = ("black", "blue", "dress", "jeans", "red", "shirt")
    metrics = measure(wrong, right, LabelSpace(labels, {}, dict.fromkeys(labels, 0.5)))
    assert f"{metrics.to_json()['label_accuracy']:.2%}" == f"{metrics.label_accuracy:.2%}" == "99.51%"
