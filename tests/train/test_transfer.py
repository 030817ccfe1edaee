"""Pictures that the teacher has marked: what the small network learns from."""

from pathlib import Path

import numpy as np
import pytest

from fashion_train.data.prepare import prepare
from fashion_train.data.samples import Sampler
from fashion_train.fit import distillation
from fashion_train.fit.distillation import make_transfer_set
from fashion_train.fit.teacher import teacher_recipe, teacher_size
from fashion_train.options import TrainOptions, find_recipe

pytestmark = pytest.mark.slow

SIZE = (48, 40)


def silent(*_):
    return None


@pytest.fixture(scope="module")
def sampler(shapes):
    recipe = find_recipe("default", versions=3, rendered=0.0)
    prepared = prepare(TrainOptions(shapes, Path("unused"), recipe), SIZE, silent)
    return Sampler.of(prepared, recipe, size=teacher_size(SIZE))


def undecided(pictures):
    assert pictures.shape[1:] == (72, 60, 3)  # half as large again: the teacher looks closer than the small network
    return np.full((len(pictures), 4), 0.5, np.float32)


def test_targets_stand_between_the_label_and_the_teachers_score(sampler):
    made = make_transfer_set(sampler, undecided, SIZE, 1, silent)
    labels = sampler.prepared.targets[list(sampler.positives)]
    assert len(made) == len(sampler)
    np.testing.assert_allclose(made.targets[: len(labels)], 0.85 * 0.5 + 0.15 * labels, atol=1e-6)


def test_every_version_of_an_item_is_drawn_and_each_is_another_picture_of_the_same_thing(sampler):
    made = make_transfer_set(sampler, undecided, SIZE, 1, silent)
    drawn = [made.draw(5, np.random.default_rng(seed)) for seed in range(40)]
    assert {picture.shape for picture, _ in drawn} == {(*SIZE, 3)}
    assert len({picture.tobytes() for picture, _ in drawn}) == 6  # three versions, each of them mirrored or not
    assert all((target == made.targets[5]).all() for _, target in drawn)


def test_the_same_seed_makes_the_same_pictures(sampler):
    one, same, other = (make_transfer_set(sampler, undecided, SIZE, seed, silent).store.read(7) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_a_large_data_set_gets_fewer_versions_so_that_the_disk_holds_them(sampler, monkeypatch):
    monkeypatch.setattr(distillation, "PICTURES", 2 * len(sampler) + 1)
    assert make_transfer_set(sampler, undecided, SIZE, 1, silent).versions == 2
    monkeypatch.setattr(distillation, "PICTURES", 1)
    assert make_transfer_set(sampler, undecided, SIZE, 1, silent).versions == 1


def test_the_teacher_learns_from_the_same_pictures_in_fewer_and_smaller_steps():
    recipe = find_recipe("default")
    teacher = teacher_recipe(recipe)
    assert teacher.epochs == recipe.teacher_epochs < recipe.epochs
    assert teacher.learning_rate < recipe.learning_rate
    assert teacher.augmentation == recipe.augmentation
