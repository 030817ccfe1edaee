"""Thresholds move only where int8 earns it, and never onto a score that int8 can give."""

from types import SimpleNamespace

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace, decide_batch
from fashion_export import export
from fashion_export.calibration import REACH, STEPS, tune

RNG = np.random.default_rng(2)


def space(threshold: float) -> LabelSpace:
    return LabelSpace(("red",), {}, {"red": threshold})


def scores_of(truth: np.ndarray, low: float, high: float) -> np.ndarray:
    """Scores on the grid: rights about `high`, wrongs about `low`."""
    values = np.where(truth, high, low) + RNG.normal(0, 0.02, truth.shape)
    return (np.round(values.clip(0, 0.99) * STEPS) / STEPS).astype(np.float32)


TRUTH = (np.arange(200) % 2 == 0)[:, None]


def test_a_good_threshold_stays_and_decides_as_before():
    scores = scores_of(TRUTH, 0.2, 0.8)
    tuned_space, (tuned,) = tune(scores, TRUTH, space(0.4321))
    assert tuned.after == pytest.approx(0.4321, abs=1 / STEPS)
    assert tuned.f1_after == tuned.f1_before == 1
    assert np.array_equal(decide_batch(scores, tuned_space), decide_batch(scores, space(0.4321)))


def test_a_threshold_that_int8_has_shifted_past_moves():
    tuned_space, (tuned,) = tune(scores_of(TRUTH, 0.1, 0.35), TRUTH, space(0.5))
    assert tuned.f1_before < 0.5
    assert tuned.f1_after == 1
    assert 0.1 < tuned_space.thresholds["red"] < 0.35


@pytest.mark.parametrize("threshold", [0.001, 0.25, 0.5, 0.7001, 1.0])
def test_no_int8_score_can_lie_on_a_threshold(threshold):
    _, (tuned,) = tune(scores_of(TRUTH, 0.3, 0.6), TRUTH, space(threshold))
    assert (tuned.after * STEPS) % 1 == 0.5


def test_a_label_that_no_photo_has_stays():
    _, (tuned,) = tune(scores_of(TRUTH, 0.2, 0.8), np.zeros_like(TRUTH), space(0.9))
    assert tuned.after == pytest.approx(0.9, abs=1 / STEPS)


def test_no_label_is_set_free_to_fire_on_anything():
    """Without photos of other things the lowest threshold looks best; training knew better."""
    scores = scores_of(TRUTH, 0.02, 0.3)
    scores[::20] = 0.06  # a few rights far below: the further down, the better it looks
    _, (tuned,) = tune(scores, TRUTH, space(0.5))
    assert tuned.after == pytest.approx(0.5 - REACH / STEPS, abs=1 / STEPS)


def test_one_photo_is_luck_and_moves_nothing():
    truth = TRUTH.copy()
    scores = scores_of(truth, 0.2, 0.8)
    scores[0] = 0.48  # one right photo just below
    _, (tuned,) = tune(scores, truth, space(0.5))
    assert tuned.after == pytest.approx(0.5, abs=1 / STEPS)


@pytest.mark.parametrize(("wished", "moved"), [(None, True), (0.98, False)])
def test_thresholds_that_were_tuned_for_a_precision_stay(monkeypatch, wished, moved):
    scores = scores_of(TRUTH, 0.1, 0.35)
    monkeypatch.setattr(export, "open_file", lambda *_: SimpleNamespace(run=lambda _pixels: scores))
    source = SimpleNamespace(space=space(0.5), spec=None, facts={"target_precision": wished})
    ready = SimpleNamespace(source=source, validation=SimpleNamespace(truth=TRUTH, pixels=None))
    tuned_space, tuned = export.retune(ready, {export.INT8: b""}, SimpleNamespace(tune=True))
    assert bool(tuned) == moved
    assert (tuned_space.thresholds["red"] != 0.5) == moved
