"""What a large data set may cost: the photos that are kept in memory are bounded."""

from pathlib import Path

import numpy as np
import pytest

from fashion_train.data.prepare import prepare
from fashion_train.fit import stages
from fashion_train.fit.stages import at_size, identify_fit, pictures_of, stand_beside, validation_photos
from fashion_train.options import TrainOptions, find_recipe
from fashion_train.tune import label_errors

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def prepared(shapes):
    return prepare(TrainOptions(shapes, Path("unused"), find_recipe("default")), (48, 48), lambda *_: None)


def test_a_checkpoint_is_of_all_that_decides_what_is_learned(shapes, things, prepared):
    def identity(size=(48, 48), **changes):
        options = TrainOptions(shapes, Path("unused"), find_recipe("default"), **changes)
        return identify_fit(options, prepare(options, size, lambda *_: None))

    same = identify_fit(TrainOptions(shapes, Path("unused"), find_recipe("default")), prepared)
    assert identity() == identity(target_precision=0.9, baseline=True) == same
    others = [
        identity(size=(48, 64)),  # convolutions take pictures of any size: the weights would fit
        identity(holdout=("red_dress",)),
        identity(negatives=things),
        identity(fit="pad"),
        identity(seed=7),
        identity(limit=10),
        identity(task="single-label"),
    ]
    assert len({same, *others}) == 8


def test_every_validation_photo_judges_an_epoch_until_there_are_too_many(prepared, monkeypatch):
    everyone = prepared.on("val")
    assert validation_photos(prepared) == everyone
    monkeypatch.setattr(stages, "VALIDATED", 3)
    chosen = validation_photos(prepared)
    assert len(chosen) == 3
    assert set(chosen) < set(everyone)


def test_the_teacher_sees_the_same_photo_larger(prepared):
    judges = validation_photos(prepared)
    small, large = pictures_of(prepared, judges, (48, 48)), pictures_of(prepared, judges, (64, 56))
    assert small.shape[1:] == (48, 48, 3)
    assert large.shape[1:] == (64, 56, 3)
    assert np.abs(small.mean(axis=(1, 2)) - large.mean(axis=(1, 2))).max() < 3


def test_the_tutorials_network_has_its_own_size_and_the_same_split(prepared):
    recipe = find_recipe("tutorial", fractions=find_recipe("default").fractions)
    options = TrainOptions(prepared.dataset.root, Path("unused"), find_recipe("default"))
    smaller = at_size(options, recipe, prepared, (32, 40))
    assert smaller.spec.shape == (32, 40, 3)
    assert smaller.sides == prepared.sides
    assert at_size(options, recipe, prepared, (48, 48)) is prepared


def test_of_a_large_data_set_a_bounded_number_is_searched_for_doubtful_labels(prepared, monkeypatch):
    looked = []

    def remember(_model, _store, indices, _tick):
        looked.extend(indices)
        return np.random.default_rng(0).normal(size=(len(indices), 8)).astype(np.float32)

    monkeypatch.setattr(label_errors, "LOOKED_AT", 20)
    monkeypatch.setattr(label_errors, "build_features", lambda _size: None)
    monkeypatch.setattr(label_errors, "extract", remember)
    label_errors.find_doubtful(prepared, lambda *_: None)
    assert 10 <= len(looked) <= 20


def test_photos_that_are_copies_of_a_few_give_no_doubtful_labels():
    features = np.random.default_rng(0).normal(size=(24, 8)).astype(np.float32)
    targets = np.eye(2, dtype=np.float32)[[number % 2 for number in range(24)]]
    copies = [number % 4 for number in range(24)]
    assert label_errors.find_suspects(features, range(24), targets, copies, ["dress", "shirt"]) == []


def test_a_tensorflow_without_the_tutorials_generator_costs_the_run_one_table_only(prepared, monkeypatch, capsys):
    def gone(*_):
        raise ImportError("Image transformations require SciPy")

    monkeypatch.setattr(stages, "measure_inputs", gone)
    monkeypatch.setattr(stages, "_fit_baseline", lambda *_: "judged")
    options = TrainOptions(Path("photos"), Path("unused"), find_recipe("default"))
    assert stand_beside(options, prepared, {}) == ((), "judged")
    assert "SciPy" in capsys.readouterr().err


def test_ctrl_c_while_the_baseline_learns_keeps_what_was_timed(prepared, monkeypatch):
    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(stages, "measure_inputs", lambda *_: ("timed",))
    monkeypatch.setattr(stages, "_fit_baseline", stop)
    options = TrainOptions(Path("photos"), Path("unused"), find_recipe("default"))
    assert stand_beside(options, prepared, {}) == (("timed",), None)
