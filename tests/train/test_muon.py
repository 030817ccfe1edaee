"""Filters take steps of equal size in all directions; the rest is left to AdamW."""

import keras
import numpy as np
import pytest

from fashion_train.fit.learner import ADAM_SHARE, RMS, Muon, make_optimizer, orthogonal
from fashion_train.options import find_recipe

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(48, 8), (8, 48), (12, 12)])
def test_an_orthogonal_matrix_has_no_favourite_direction(shape):
    left, _, right = np.linalg.svd(RNG.normal(size=shape), full_matrices=False)
    lopsided = (left * np.geomspace(1, 0.05, min(shape))) @ right
    after = np.linalg.svd(np.asarray(orthogonal(lopsided.astype(np.float32))), compute_uv=False)
    assert 0.3 < after[-1] <= after[0] < 1.3


def test_a_step_of_a_filter_bank_is_as_long_as_one_of_adam_however_steep_the_slope():
    for steep in (1e-4, 1.0, 1e4):
        bank = keras.Variable(np.zeros((3, 3, 8, 16), np.float32))
        optimizer = Muon(0.01, weight_decay=0.0)
        optimizer.apply_gradients([(steep * RNG.normal(size=bank.shape).astype(np.float32), bank)])
        assert np.sqrt(np.mean(np.square(bank.numpy()))) == pytest.approx(0.01 * RMS, rel=0.3)


def test_what_is_no_filter_bank_learns_by_adamw():
    gradient = RNG.normal(size=(5, 3)).astype(np.float32)
    ours, theirs = keras.Variable(np.ones((5, 3))), keras.Variable(np.ones((5, 3)))
    Muon(0.01, weight_decay=0.0).apply_gradients([(gradient, ours)])
    keras.optimizers.AdamW(0.01 * ADAM_SHARE, weight_decay=0.0).apply_gradients([(gradient, theirs)])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_momentum_of_filters_is_among_what_a_checkpoint_keeps():
    bank, scale = keras.Variable(np.ones((3, 3, 2, 4))), keras.Variable(np.ones(4))
    optimizer = Muon(0.01)
    optimizer.build([bank, scale])
    assert sum(variable.shape == (3, 3, 2, 4) for variable in optimizer.variables) == 3  # Adam's two and ours


def test_the_default_recipe_learns_by_it_and_the_tutorials_does_not():
    assert isinstance(make_optimizer(find_recipe("default"), 10), Muon)
    assert type(make_optimizer(find_recipe("tutorial"), 10)) is keras.optimizers.Adam
