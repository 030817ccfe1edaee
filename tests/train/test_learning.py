"""Batches, epochs, checkpoints: an interruption changes nothing, a seed decides everything."""

import errno
import io
import json
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import RunError
from fashion_edge.progress import Progress
from fashion_edge.statistics import standard_error
from fashion_train.data.batches import Schedule, make_batch
from fashion_train.fit.learner import Epoch, Learner, make_predict
from fashion_train.fit.loop import (
    Best,
    Checkpoint,
    Validation,
    cross_entropy,
    is_within_luck,
    load_checkpoint,
    peak,
    run_epochs,
    save_checkpoint,
)
from fashion_train.options import find_recipe

pytestmark = pytest.mark.slow

SPACE = LabelSpace(("dark", "light"), {"tone": ("dark", "light")}, {"dark": 0.5, "light": 0.5})
RECIPE = replace(find_recipe("default"), epochs=3, batch=4, ema=0.9)


class Tones:
    """Grey pictures, half of them dark; a drawer that behaves like the real one."""

    def __len__(self):
        return 24

    def draw(self, item, rng):
        light = item % 2
        picture = np.full((8, 8, 3), 60 + 130 * light + rng.integers(-40, 40), np.uint8)
        return picture, np.eye(2, dtype=np.float32)[light]


def learner():
    import keras

    keras.utils.set_random_seed(1)
    layers = [keras.Input((8, 8, 3)), keras.layers.Rescaling(1 / 255), keras.layers.Conv2D(4, 3, use_bias=False)]
    layers += [
        keras.layers.BatchNormalization(),
        keras.layers.Dropout(0.3, seed=2),
        keras.layers.GlobalAveragePooling2D(),
    ]
    model = keras.Sequential([*layers, keras.layers.Dense(2, activation="sigmoid", name="scores")])
    return Learner("network", model, RECIPE, SCHEDULE.steps_per_epoch, "multi-label")


SCHEDULE = Schedule(24, 4, 3, seed=5)


def validation():
    drawn = [Tones().draw(item, np.random.default_rng(item)) for item in range(8)]
    return Validation(np.stack([d[0] for d in drawn]), np.stack([d[1] for d in drawn]), SPACE)


def numbers(history):
    return [(epoch.loss, epoch.val_loss, epoch.val_exact) for epoch in history]


def test_every_item_is_drawn_once_an_epoch_and_each_epoch_has_its_own_order():
    first = [int(item) for step in range(6) for item in SCHEDULE.items_of(step)]
    second = [int(item) for step in range(6, 12) for item in SCHEDULE.items_of(step)]
    assert sorted(first) == sorted(second) == list(range(24))
    assert first != second


@pytest.mark.parametrize(("items", "pictures"), [(24, 24), (26, 24), (3, 3)])
def test_only_pictures_that_a_step_holds_count_for_the_pace(items, pictures):
    assert Schedule(items, 4, 1, seed=5).pictures_per_epoch == pictures


def test_a_step_holds_the_same_pictures_whenever_it_is_made():
    one, same = make_batch(Tones(), SCHEDULE, 7), make_batch(Tones(), SCHEDULE, 7)
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    other = make_batch(Tones(), replace(SCHEDULE, seed=6), 7)
    assert (one[0] != other[0]).any()


def test_training_resumed_from_a_checkpoint_ends_where_the_uninterrupted_one_does(tmp_path):
    file = tmp_path / "checkpoint.npz"
    whole = learner()
    expected = run_epochs(whole, Tones(), SCHEDULE, validation(), None, keep=lambda _: None)

    class StopError(Exception):
        pass

    def stop_after_first(checkpoint):
        save_checkpoint(file, checkpoint, "same")
        raise StopError

    with pytest.raises(StopError):
        run_epochs(learner(), Tones(), SCHEDULE, validation(), None, keep=stop_after_first)
    again = learner()
    resumed = run_epochs(again, Tones(), SCHEDULE, validation(), load_checkpoint(file, "same"), keep=lambda _: None)
    np.testing.assert_allclose(numbers(resumed.history), numbers(expected.history), atol=1e-6)
    for one, other in zip(whole.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_ctrl_c_keeps_the_best_epoch_so_far():
    def interrupt(checkpoint):
        if len(checkpoint.history) == 2:
            raise KeyboardInterrupt

    learned = run_epochs(learner(), Tones(), SCHEDULE, validation(), None, keep=interrupt)
    assert learned.interrupted
    assert len(learned.history) == 2
    assert learned.best_epoch in (1, 2)


def test_ctrl_c_before_the_first_epoch_is_over_ends_the_command():
    class Impatient(Tones):
        def draw(self, item, rng):
            return super().draw(item, rng)

    one = learner()
    one.train = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        run_epochs(one, Impatient(), SCHEDULE, validation(), None, keep=lambda _: None)


def test_a_checkpoint_of_other_photos_is_refused(tmp_path):
    file = tmp_path / "checkpoint.npz"
    run_epochs(learner(), Tones(), SCHEDULE, validation(), None, keep=lambda c: save_checkpoint(file, c, "mine"))
    with pytest.raises(RunError, match="is of other photos, flags or seed"):
        load_checkpoint(file, "yours")


def test_a_damaged_checkpoint_is_one_sentence(tmp_path):
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(RunError, match="cannot be read"):
        load_checkpoint(tmp_path / "cut.npz", "x")


def test_a_checkpoint_of_another_version_is_one_sentence(tmp_path):
    file = tmp_path / "checkpoint.npz"
    weights = [np.zeros(2)]
    save_checkpoint(file, Checkpoint((epoch(1, 0.9),), weights, Best(1, weights)), "same")
    with np.load(file) as data:
        meta = json.loads(data["meta"].tobytes())
        others = {name: data[name] for name in data.files if name != "meta"}
    for changed in ({"history": [{"epoch": 1, "momentum": 0.9}]}, {"identity": None, "best_epoch": None}):
        older = {key: value for key, value in {**meta, **changed}.items() if value is not None}
        np.savez(file, meta=np.frombuffer(json.dumps(older).encode(), np.uint8), **others)
        with pytest.raises(RunError, match="cannot be read .*; run again without --resume"):
            load_checkpoint(file, "same")


def test_early_stopping_ends_before_the_last_epoch():
    import keras

    keras.utils.set_random_seed(1)
    patient = learner()
    patient.recipe = replace(RECIPE, patience=1, epochs=3)
    fixed = validation()
    patient.predict = lambda pictures: np.full((len(pictures), 2), 0.4, np.float32)  # never better than at first
    learned = run_epochs(patient, Tones(), SCHEDULE, fixed, None, keep=lambda _: None)
    assert len(learned.history) == 2


def epoch(number, exact):
    return Epoch(number, 0.1, 0.9, 0.1, exact, exact, 1e-3, 100.0, 1.0)


def test_the_loss_of_a_softmax_is_one_figure_for_training_and_validation():
    """Binary cross-entropy beside the categorical one that is learned by would look like a gap between the two."""
    import keras

    scores = np.array([[0.7, 0.2, 0.1], [0.3, 0.4, 0.3]], np.float32)
    targets = np.array([[1, 0, 0], [0, 0, 1]], np.float32)
    learned_by = float(np.mean(keras.losses.categorical_crossentropy(targets, scores)))
    assert cross_entropy(scores, targets, "single-label") == pytest.approx(learned_by)


def test_the_last_epoch_that_luck_cannot_tell_from_the_best_is_kept():
    assert standard_error(0.98, 200) == pytest.approx(0.0109, abs=1e-4)
    before = [epoch(1, 0.90), epoch(2, 0.98)]
    assert peak(before).epoch == 2
    assert is_within_luck(before, 200)
    assert is_within_luck([*before, epoch(3, 0.970)], 200)
    assert not is_within_luck([*before, epoch(3, 0.965)], 200)
    assert not is_within_luck([*before, epoch(3, 0.970)], 20_000), "many photos tell more"


def test_an_epoch_that_got_worse_is_not_kept():
    worse = learner()
    shares = iter((1.0, 1.0, 0.0))
    truth = validation().targets
    worse.predict = lambda _: truth if next(shares) else 1 - truth
    learned = run_epochs(worse, Tones(), SCHEDULE, validation(), None, keep=lambda _: None)
    assert [row.val_exact for row in learned.history] == [1.0, 1.0, 0.0]
    assert learned.best_epoch == 2


def frozen(dropout=0.0):
    """A network with batch normalisation that learns nothing of the batch, as the teacher's."""
    import keras

    keras.utils.set_random_seed(1)
    image = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.BatchNormalization(trainable=False)(x)
    x = keras.layers.Dropout(dropout, seed=2)(keras.layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, keras.layers.Dense(2, activation="sigmoid")(x))
    return Learner("teacher", model, replace(RECIPE, optimizer="adamw"), SCHEDULE.steps_per_epoch, "multi-label")


def test_a_batch_in_parts_teaches_what_the_whole_one_does():
    rng = np.random.default_rng(0)
    batch = rng.integers(0, 256, (24, 8, 8, 3), np.uint8), np.eye(2, dtype=np.float32)[rng.integers(0, 2, 24)]
    whole, parts = frozen(), frozen()
    loss, right, gradients = whole._gradients_at_once(*batch)
    in_parts = parts._gradients(*(np.asarray(values) for values in batch))
    assert float(in_parts[0]) == pytest.approx(float(loss), rel=1e-5)
    assert float(in_parts[1]) == float(right)
    for one, other in zip(gradients, in_parts[2], strict=True):
        assert np.allclose(one, other, rtol=1e-4, atol=1e-7)


def test_a_network_that_takes_statistics_over_the_batch_is_given_it_whole(monkeypatch):
    monkeypatch.setattr("fashion_train.fit.learner.PART", 2)
    seen = []
    for learns in (learner(), frozen()):
        whole = learns._gradients_at_once
        sizes: list[int] = []
        learns._gradients_at_once = lambda pictures, targets, whole=whole, sizes=sizes: (
            sizes.append(pictures.shape[0]),
            whole(pictures, targets),
        )[1]
        learns.train(iter([(np.zeros((4, 8, 8, 3), np.uint8), np.zeros((4, 2), np.float32))]), 1, lambda _: None)
        seen.append(set(sizes))
    assert seen[0] == {4}
    assert 4 not in seen[1]


def test_one_network_after_the_other_draws_no_advice_from_tensorflow(monkeypatch):
    import keras
    import tensorflow as tf

    said = []
    monkeypatch.setattr(tf.get_logger(), "callHandlers", lambda record: said.append(record.getMessage()))
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    for _ in range(6):
        make_predict(keras.Sequential([keras.layers.Input((32, 32, 3)), keras.layers.Flatten()]))(pictures)
    tf.get_logger().warning("something else")
    assert said == ["something else"]


def test_a_terminal_that_went_away_does_not_end_the_training(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("sys.stderr", Gone())
    Progress().line("epoch 1 of 2")
