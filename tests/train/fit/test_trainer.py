"""Muon for filters, AdamW for the rest, and batches that are split to save memory."""

import keras
import numpy as np
import pytest

from fashion_train.fit import trainer
from fashion_train.fit.trainer import ADAM_SHARE, RMS, Muon, Trainer, orthogonal
from fashion_train.options import find_recipe

pytestmark = pytest.mark.slow

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(48, 8), (8, 48), (12, 12)])
def test_singular_values_of_an_orthogonalized_matrix_are_about_one(shape):
    left, _, right = np.linalg.svd(RNG.normal(size=shape), full_matrices=False)
    matrix = (left * np.geomspace(1, 0.05, min(shape))) @ right
    after = np.linalg.svd(np.asarray(orthogonal(matrix.astype(np.float32))), compute_uv=False)
    assert 0.3 < after[-1] <= after[0] < 1.3


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_the_update_of_a_filter_has_the_size_of_one_of_adam_for_any_gradient(scale):
    filters = keras.Variable(np.zeros((3, 3, 8, 16), np.float32))
    gradient = (scale * RNG.normal(size=filters.shape)).astype(np.float32)
    Muon(0.01, weight_decay=0.0).apply_gradients([(gradient, filters)])
    assert np.sqrt(np.mean(np.square(filters.numpy()))) == pytest.approx(0.01 * RMS, rel=0.3)


def test_other_variables_are_updated_by_adamw():
    gradient = RNG.normal(size=(5, 3)).astype(np.float32)
    ours, theirs = keras.Variable(np.ones((5, 3))), keras.Variable(np.ones((5, 3)))
    Muon(0.01, weight_decay=0.0).apply_gradients([(gradient, ours)])
    keras.optimizers.AdamW(0.01 * ADAM_SHARE, weight_decay=0.0).apply_gradients([(gradient, theirs)])
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def weights_after_a_step(monkeypatch, micro_batch, *, frozen):
    """Train one step on a batch of 24, whole where it is not a multiple of the micro-batch."""
    monkeypatch.setattr(trainer, "MICRO_BATCH", micro_batch)
    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.BatchNormalization(trainable=not frozen)(x))
    model = keras.Model(image, keras.layers.Dense(2, activation="sigmoid")(x))
    one = Trainer("teacher", model, find_recipe("default", optimizer="adamw"), 4, "multi-label")
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (24, 8, 8, 3), np.uint8), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 24)]
    loss, accuracy = one.train(iter([batch]), 1, lambda _: None)
    return loss, accuracy, np.concatenate([weights.ravel() for weights in model.get_weights()])


def test_micro_batches_give_the_same_step_as_the_whole_batch(monkeypatch):
    whole, parts = (weights_after_a_step(monkeypatch, size, frozen=True) for size in (5, 8))
    assert parts[0] == pytest.approx(whole[0], rel=1e-5)
    assert parts[1] == whole[1]
    np.testing.assert_allclose(parts[2], whole[2], rtol=1e-3, atol=1e-5)


def test_a_network_with_batch_statistics_gets_the_whole_batch(monkeypatch):
    whole, same = (weights_after_a_step(monkeypatch, size, frozen=False) for size in (5, 8))
    np.testing.assert_array_equal(whole[2], same[2])
