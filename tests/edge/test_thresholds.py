"""Thresholds move only where the gain in F1 is significant, and never onto a score that int8 can give."""

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace, decide_batch
from fashion_edge.thresholds import (
    QUANTIZED_REACH,
    QUANTIZED_STEPS,
    labels_below_precision,
    retune_quantized,
    tune_thresholds,
)

HALF = np.array([[0.0]] * 50 + [[1.0]] * 50, np.float32)


def test_threshold_separates_the_scores_and_stays_near_the_default():
    easy = np.where(HALF > 0, 0.95, 0.05).astype(np.float32)
    assert tune_thresholds(easy, HALF, ["red"]) == {"red": 0.5}
    assert tune_thresholds(easy, HALF, ["red"], defaults={"red": 0.4}) == {"red": 0.4}
    low = np.where(HALF > 0, 0.3, 0.05).astype(np.float32)
    assert 0.05 < tune_thresholds(low, HALF, ["red"])["red"] <= 0.3


def test_threshold_does_not_move_for_an_insignificant_gain():
    scores = np.where(HALF > 0, 0.95, 0.05).astype(np.float32)
    scores[-1] = 0.3  # 1 of 50 is not significant
    assert tune_thresholds(scores, HALF, ["red"]) == {"red": 0.5}
    scores[-10:] = 0.3  # 10 of 50 are
    assert tune_thresholds(scores, HALF, ["red"])["red"] < 0.4


def test_photos_with_less_weight_move_a_threshold_less():
    targets = np.array([[0.0]] * 60 + [[1.0]] * 60, np.float32)
    scores = np.where(targets > 0, 0.95, 0.05).astype(np.float32)
    scores[:10], scores[-3:] = 0.7, 0.6  # ten objects resemble dresses, three dresses hardly do
    assert tune_thresholds(scores, targets, ["dress"])["dress"] > 0.6
    weights = np.where(targets[:, 0] > 0, 1, 0.25).astype(np.float32)
    assert tune_thresholds(scores, targets, ["dress"], weights=weights) == {"dress": 0.5}


def test_target_precision_raises_the_threshold():
    rng = np.random.default_rng(0)
    targets = (rng.random((2000, 1)) < 0.5).astype(np.float32)
    scores = (0.5 + 0.35 * (targets - 0.5) + 0.2 * rng.standard_normal(targets.shape)).clip(0, 1).astype(np.float32)
    low, high = (tune_thresholds(scores, targets, ["red"], target)["red"] for target in (0.8, 0.99))
    assert low < high
    assert targets[scores[:, 0] >= high, 0].mean() >= 0.99


def test_label_without_a_true_positive_keeps_its_default_under_a_target_precision():
    scores = np.linspace(0, 1, 60, dtype=np.float32).repeat(2).reshape(60, 2)
    targets = np.stack([np.arange(60) >= 30, np.zeros(60, bool)], axis=1).astype(np.float32)
    tuned = tune_thresholds(scores, targets, ["red", "rare"], 0.95)
    assert tuned["red"] > 0.45
    assert tuned["rare"] == 0.5
    assert labels_below_precision(scores, targets, tuned, 0.95) == ["rare"]


RNG = np.random.default_rng(2)
TRUTH = (np.arange(200) % 2 == 0)[:, None]


def space(threshold: float) -> LabelSpace:
    return LabelSpace(("red",), {}, {"red": threshold})


def quantized_scores(low: float, high: float) -> np.ndarray:
    """Scores on the int8 grid: about `high` where `TRUTH`, about `low` elsewhere."""
    values = np.where(TRUTH, high, low) + RNG.normal(0, 0.02, TRUTH.shape)
    return (np.round(values.clip(0, 0.99) * QUANTIZED_STEPS) / QUANTIZED_STEPS).astype(np.float32)


def test_quantized_threshold_that_works_stays_and_decides_as_before():
    scores = quantized_scores(0.2, 0.8)
    tuned_space, (tuned,) = retune_quantized(scores, TRUTH, space(0.4321))
    assert tuned.after == pytest.approx(0.4321, abs=1 / QUANTIZED_STEPS)
    assert tuned.f1_after == tuned.f1_before == 1
    assert np.array_equal(decide_batch(scores, tuned_space), decide_batch(scores, space(0.4321)))


def test_quantized_threshold_that_the_scores_have_shifted_past_moves():
    tuned_space, (tuned,) = retune_quantized(quantized_scores(0.1, 0.35), TRUTH, space(0.5))
    assert tuned.f1_before < 0.5
    assert tuned.f1_after == 1
    assert 0.1 < tuned_space.thresholds["red"] < 0.35


@pytest.mark.parametrize("threshold", [0.001, 0.25, 0.5, 0.7001, 1.0])
def test_quantized_threshold_lies_between_two_steps_of_the_grid(threshold):
    _, (tuned,) = retune_quantized(quantized_scores(0.3, 0.6), TRUTH, space(threshold))
    assert (tuned.after * QUANTIZED_STEPS) % 1 == 0.5


def test_quantized_threshold_of_a_label_without_photos_stays():
    _, (tuned,) = retune_quantized(quantized_scores(0.2, 0.8), np.zeros_like(TRUTH), space(0.9))
    assert tuned.after == pytest.approx(0.9, abs=1 / QUANTIZED_STEPS)


def test_quantized_threshold_moves_no_further_than_its_reach():
    """Without background images the lowest threshold scores best, but it would fire on anything."""
    scores = quantized_scores(0.02, 0.3)
    scores[::20] = 0.06
    _, (tuned,) = retune_quantized(scores, TRUTH, space(0.5))
    assert tuned.after == pytest.approx(0.5 - QUANTIZED_REACH / QUANTIZED_STEPS, abs=1 / QUANTIZED_STEPS)


def test_quantized_threshold_does_not_move_for_one_photo():
    scores = quantized_scores(0.2, 0.8)
    scores[0] = 0.48
    _, (tuned,) = retune_quantized(scores, TRUTH, space(0.5))
    assert tuned.after == pytest.approx(0.5, abs=1 / QUANTIZED_STEPS)
