"""Epochs, early stopping and resuming: an interruption changes nothing, a seed decides everything."""

import keras
import msgspec
import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_edge.progress import make_progress
from fashion_edge.statistics import standard_error
from fashion_train.fit import epochs
from fashion_train.fit.batches import Schedule
from fashion_train.fit.checkpoints import load_checkpoint, save_checkpoint
from fashion_train.fit.epochs import Validation, at_size, is_among_best, peak, read_at_size, run_epochs
from fashion_train.fit.trainer import Trainer
from fashion_train.options import TrainOptions, find_recipe
from fashion_train.results import Epoch

pytestmark = pytest.mark.slow

SPACE = LabelSpace(("dark", "light"), {"tone": ("dark", "light")}, {"dark": 0.5, "light": 0.5})
RECIPE = find_recipe("default", epochs=3, batch=4, ema=0.9)
SCHEDULE = Schedule(24, 4, 3, seed=5)


class Tones:
    """Grey pictures, half of them dark: a sampler."""

    def __len__(self):
        return 24

    def draw(self, item, rng):
        light = item % 2
        picture = np.full((8, 8, 3), 60 + 130 * light + rng.integers(-40, 40), np.uint8)
        return picture, np.eye(2, dtype=np.float32)[light]


def make_trainer(recipe=RECIPE):
    keras.utils.set_random_seed(1)
    layers = [
        keras.Input((8, 8, 3)),
        keras.layers.Rescaling(1 / 255),
        keras.layers.Conv2D(4, 3, use_bias=False),
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3, seed=2),
        keras.layers.GlobalAveragePooling2D(),
        keras.layers.Dense(2, activation="sigmoid", name="scores"),
    ]
    return Trainer("network", keras.Sequential(layers), recipe, SCHEDULE.steps_per_epoch, "multi-label")


def validation():
    drawn = [Tones().draw(item, np.random.default_rng(item)) for item in range(8)]
    return Validation(np.stack([d[0] for d in drawn]), np.stack([d[1] for d in drawn]), SPACE)


def train(trainer, resumed=None, on_epoch=lambda _: None):
    return run_epochs(trainer, Tones(), SCHEDULE, validation(), resumed, on_epoch, make_progress(False))


def test_training_resumed_from_a_checkpoint_ends_with_the_same_weights(tmp_path):
    file = tmp_path / "checkpoint.npz"
    whole = make_trainer()
    expected = train(whole)

    def stop_after_first(checkpoint):
        save_checkpoint(file, checkpoint, "same")
        raise SystemExit

    with pytest.raises(SystemExit):
        train(make_trainer(), on_epoch=stop_after_first)
    again = make_trainer()
    resumed = train(again, load_checkpoint(file, "same"))
    for one, other in zip(expected.history, resumed.history, strict=True):
        assert (one.loss, one.val_loss, one.val_exact) == (other.loss, other.val_loss, other.val_exact)
    for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def interrupt(*_):
    raise KeyboardInterrupt


def test_ctrl_c_keeps_the_best_epoch_so_far():
    result = train(make_trainer(), on_epoch=lambda checkpoint: len(checkpoint.history) == 2 and interrupt())
    assert result.interrupted
    assert len(result.history) == 2
    assert result.best_epoch in (1, 2)


def test_ctrl_c_before_the_first_epoch_is_done_ends_the_command():
    trainer = make_trainer()
    trainer.train = interrupt
    with pytest.raises(KeyboardInterrupt):
        train(trainer)


@pytest.mark.parametrize(
    ("patience", "right", "best"),
    [(8, (True, True, False), 2), (1, (True, False), 1)],
    ids=["a worse epoch is not kept", "early stopping"],
)
def test_the_kept_epoch_and_the_last_one(patience, right, best):
    trainer = make_trainer(msgspec.structs.replace(RECIPE, patience=patience))
    truth, answers = validation().targets, iter(right)
    trainer.predict = lambda _: truth if next(answers) else 1 - truth
    result = train(trainer)
    assert [row.val_exact for row in result.history] == [float(one) for one in right]
    assert result.best_epoch == best


def epoch(number, exact):
    return Epoch(number, 0.1, 0.9, 0.1, exact, exact, 1e-3, 100.0, 1.0)


def test_the_last_epoch_that_is_not_significantly_worse_than_the_best_is_kept():
    assert standard_error(0.98, 200) == pytest.approx(0.0109, abs=1e-4)
    before = [epoch(1, 0.90), epoch(2, 0.98)]
    assert peak(before).epoch == 2
    assert is_among_best(before, 200)
    assert is_among_best([*before, epoch(3, 0.970)], 200)
    assert not is_among_best([*before, epoch(3, 0.965)], 200)
    assert not is_among_best([*before, epoch(3, 0.970)], 20_000), "more photos, smaller standard error"


def test_validation_loss_of_a_softmax_is_the_training_loss():
    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]], np.float32)
    targets = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    training = float(np.mean(keras.losses.categorical_crossentropy(targets, scores)))
    assert epochs.cross_entropy(scores, targets, "single-label") == pytest.approx(training)


def test_validation_photos_of_a_large_data_set_are_limited(prepared, monkeypatch):
    assert len(Validation.of(prepared, (48, 48)).pictures) == len(prepared.on("val"))
    monkeypatch.setattr(epochs, "MAX_VALIDATION", 3)
    assert len(Validation.of(prepared, (48, 48)).targets) == 3


def test_the_teacher_sees_the_same_photo_larger(prepared):
    photos = prepared.on("val")
    small, large = read_at_size(prepared, photos, (48, 48)), read_at_size(prepared, photos, (64, 56))
    assert small.shape[1:] == (48, 48, 3)
    assert large.shape[1:] == (64, 56, 3)
    assert np.abs(small.mean(axis=(1, 2)) - large.mean(axis=(1, 2))).max() < 3


def test_the_tutorials_network_has_its_own_size_and_the_same_split(prepared):
    recipe = find_recipe("tutorial", fractions=find_recipe("default").fractions)
    options = TrainOptions(prepared.dataset.root, prepared.dataset.root / "unused", find_recipe("default"))
    smaller = at_size(options, recipe, prepared, (32, 40))
    assert smaller.spec.shape == (32, 40, 3)
    assert smaller.sides == prepared.sides
    assert at_size(options, recipe, prepared, (48, 48)) is prepared
