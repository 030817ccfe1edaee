"""The parity gate, and which int8 layer differs most from float."""

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_export.calibration import load_inputs
from fashion_export.parity import MARK, Limits, compare, layer_errors, too_few
from fashion_export.repair import copy_network
from fashion_export.source import load_run
from fashion_export.variants import FLOAT32, INT8, Job

SPACE = LabelSpace(("red", "blue"), {"colour": ("red", "blue")}, {"red": 0.5, "blue": 0.5})


def test_too_few_photos_are_named_with_what_they_leave_open():
    assert too_few(1, 6) == (
        "1 held-out photo (6 decisions) is too few to prove parity: even without a flip, "
        "up to 50.0% of all decisions may differ from Keras; hold out 50 photos or more"
    )
    assert too_few(49, 6)
    assert too_few(50, 6) is None


def parity_of(n: int, flips: int):
    keras = np.tile(np.array([0.9, 0.1], np.float32), (n, 1))
    variant = keras.copy()
    variant[:flips, 0] = 0.2
    return compare(keras, variant, np.tile([True, False], (n, 1)), SPACE)


@pytest.mark.parametrize(
    ("n", "flips", "refused"),
    [
        (100, 0, False),
        (100, 1, False),
        (100, 2, True),
        (1000, 10, False),
        (1000, 11, True),
        (10, 1, False),
        (10, 2, True),
    ],
)
def test_one_point_of_exact_match_may_be_lost_and_one_photo_always(n, flips, refused):
    assert bool(Limits().refuse("x", parity_of(n, flips))) is refused


def test_limit_of_zero_allows_nothing():
    assert "flips 1 of 200" in Limits(max_flips=0).refuse("x", parity_of(100, 1))
    assert "a drop above" in Limits(max_accuracy_drop=0).refuse("x", parity_of(100, 1))


def test_flip_is_clear_if_keras_is_correct_and_far_from_the_threshold():
    keras = np.array([[0.9, 0.0], [0.6, 0.0], [0.9, 0.0]], np.float32)
    variant = np.array([[0.4, 0.0], [0.4, 0.0], [0.9, 0.0]], np.float32)
    parity = compare(keras, variant, np.array([[True, False]] * 3), SPACE)
    assert (parity.flips, parity.clear_flips, parity.flipped) == (2, 1, (0, 1))
    assert parity.flips_per_label == {"red": 2, "blue": 0}
    assert parity.drift_max == pytest.approx(0.5)


def errors_of(run):
    source = load_run(run)
    pixels = load_inputs(source.root, source.calibration, source.space.labels, source.spec).pixels
    job = Job(copy_network(source.load(), mark=MARK), source.spec, pixels)
    return layer_errors(FLOAT32.convert(job), INT8.convert(job), pixels)


@pytest.mark.slow
def test_network_without_findings_has_small_layer_errors(trained_run):
    errors = errors_of(trained_run)
    assert len(errors) >= 5
    assert max(entry.error for entry in errors) < 0.15
    assert all(np.isfinite(entry.error) for entry in errors)


@pytest.mark.slow
def test_layer_with_dead_units_has_the_largest_error_under_its_keras_name(dead_units_run):
    worst = errors_of(dead_units_run)[0]
    assert "norm" in worst.layer
    assert "scores" in worst.layer  # the converter folds the batch norm into the dense layer after it
    assert MARK not in worst.layer
    assert worst.error > 0.5
