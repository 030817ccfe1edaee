"""Soft labels of a teacher, from which the small network is trained."""

import numpy as np
import pytest

from fashion_edge.progress import make_progress
from fashion_train.data.prepare import teacher_size
from fashion_train.data.samples import PhotoSampler
from fashion_train.fit import distillation
from fashion_train.fit.distillation import make_transfer_set
from fashion_train.options import find_recipe

pytestmark = pytest.mark.slow

SIZE = (48, 40)


@pytest.fixture(scope="module")
def sampler(shapes, prepare_photos):
    recipe = find_recipe("default", views=3, rendered=0.0)
    prepared = prepare_photos(shapes, teacher_size(SIZE), recipe)
    return PhotoSampler.of(prepared, recipe)


def make(sampler, seed=1):
    def undecided(pictures):
        assert pictures.shape[1:] == (72, 60, 3)  # half as large again as the small network's input
        return np.full((len(pictures), 4), 0.5, np.float32)

    return make_transfer_set(sampler, undecided, SIZE, seed, make_progress(False))


def test_targets_are_the_weighted_mean_of_soft_label_and_label(sampler):
    made = make(sampler)
    labels = sampler.prepared.targets[list(sampler.positives)]
    assert len(made) == len(sampler)
    np.testing.assert_allclose(made.targets[: len(labels)], 0.85 * 0.5 + 0.15 * labels, atol=1e-6)


def test_every_view_of_an_item_is_drawn_and_is_a_different_picture_with_the_same_labels(sampler):
    made = make(sampler)
    drawn = [made.draw(5, np.random.default_rng(seed)) for seed in range(40)]
    assert {picture.shape for picture, _ in drawn} == {(*SIZE, 3)}
    assert len({picture.tobytes() for picture, _ in drawn}) == 6  # three views, each of them mirrored or not
    assert all((target == made.targets[5]).all() for _, target in drawn)


def test_the_same_seed_makes_the_same_pictures(sampler):
    one, same, other = (make(sampler, seed).store.read(7) for seed in (1, 1, 2))
    assert (one == same).all()
    assert (one != other).any()


def test_a_large_data_set_gets_fewer_views_so_that_the_disk_holds_them(sampler, monkeypatch):
    for limit, views in ((2 * len(sampler) + 1, 2), (1, 1)):
        monkeypatch.setattr(distillation, "MAX_PICTURES", limit)
        assert make(sampler).views == views
