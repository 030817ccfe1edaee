"""What a training picture is said to show, whatever was done to it."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import fashion_render
from fashion_edge.preprocess import InputSpec
from fashion_train.data.augment import CALM, TUTORIAL, Augmentation, augment, coarsen, warp
from fashion_train.data.prepare import prepare, split_by_kind
from fashion_train.data.recolour import Dyes, to_lab
from fashion_train.data.samples import Masks, Sampler, draw_colour, render_for
from fashion_train.options import TrainOptions, find_recipe

pytestmark = pytest.mark.slow


def fill(root, combinations, each):
    for number, name in enumerate(combinations):
        (root / name).mkdir(parents=True)
        for index in range(each):
            noise = np.random.default_rng([number, index]).integers(0, 255, (12, 9, 3), np.uint8)
            cv2.imwrite(str(root / name / f"{index}.png"), cv2.resize(noise, (60, 80)))
    return root


NONE = Augmentation(0.0, 0.0, 0.0, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
QUIET = {"augmentation": NONE, "calm": 0.0}


def silent(*_):
    return None


@pytest.fixture(scope="module")
def prepared(shapes, things):
    options = TrainOptions(shapes, Path("unused"), find_recipe("default"), negatives=things)
    return prepare(options, (48, 48), silent)


@pytest.fixture(scope="module")
def masks(prepared):
    return Masks.find(prepared, prepared.on("train"), silent)


def test_an_epoch_holds_every_training_photo_once_and_a_share_of_everything_else(prepared, masks):
    rendered = render_for(prepared.dataset.labels, prepared.dataset.dyes, InputSpec(64, 64), 5, 1, silent)
    sampler = Sampler.of(prepared, find_recipe("default", negatives=0.5, patches=0.25, rendered=0.25), masks, rendered)
    photos = len(prepared.on("train"))
    assert sampler.counts == (photos, round(0.5 * photos), round(0.25 * photos), round(0.25 * photos))


def test_an_unchanged_photo_keeps_its_labels(prepared):
    sampler = Sampler.of(prepared, find_recipe("default", recolour=0.0, **QUIET))
    picture, target = sampler.draw(0, np.random.default_rng(0))
    assert picture.shape == (48, 48, 3)
    assert (target == prepared.targets[prepared.on("train")[0]]).all()


def test_a_recoloured_photo_carries_its_new_colour_and_its_old_garment(prepared, masks):
    sampler = Sampler.of(prepared, find_recipe("default", recolour=1.0, unknown_colours=0.0, **QUIET), masks)
    labels = prepared.dataset.labels
    blue, red = labels.index("blue"), labels.index("red")
    for item, index in enumerate(sampler.positives[:12]):
        picture, target = sampler.draw(item, np.random.default_rng(item))
        garments = [labels.index("dress"), labels.index("shirt")]
        assert (target[garments] == prepared.targets[index][garments]).all()
        assert target[[blue, red]].sum() == 1
        cloth = np.median(to_lab(picture)[20:30, 20:28].reshape(-1, 3), axis=0)
        assert (cloth[2] > 0) == bool(target[red])  # b: yellow-red or blue, whatever it was before


def test_a_colour_without_a_name_carries_no_colour(prepared, masks):
    index = next(iter(masks.colours))
    colour, target = draw_colour(prepared, masks, index, 1.0, np.random.default_rng(0))
    labels = prepared.dataset.labels
    assert colour not in labels
    assert target[[labels.index("blue"), labels.index("red")]].sum() == 0
    assert target.sum() == 1


def test_negatives_and_patches_carry_nothing(prepared, masks):
    sampler = Sampler.of(prepared, find_recipe("default", rendered=0.0), masks)
    for item in range(len(prepared.on("train")), len(sampler)):
        _, target = sampler.draw(item, np.random.default_rng(item))
        assert not target.any()


def detail(picture):
    """How much two neighbouring pixels differ, grey levels."""
    return np.abs(np.diff(picture.astype(int), axis=1)).mean()


def test_photos_are_shown_as_small_as_the_negatives_are(prepared):
    decoded = prepared.negatives.decoded
    assert decoded.sizes[0] == (80, 60)
    thumbnails = replace(decoded, sizes=tuple((12, 9) for _ in decoded.sizes))
    tiny = replace(prepared, negatives=replace(prepared.negatives, decoded=thumbnails))
    (fine, label), (coarse, same) = (
        Sampler.of(tiny, find_recipe("default", recolour=0.0, coarse=share, **QUIET)).draw(0, np.random.default_rng(0))
        for share in (0.0, 1.0)
    )
    assert detail(coarse) < 0.8 * detail(fine)
    assert (label == same).all()


def test_a_picture_that_is_small_already_stays_as_it_is():
    picture = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    assert coarsen(picture, (80, 60), np.random.default_rng(0)) is picture
    assert coarsen(picture, (20, 60), np.random.default_rng(0)).shape == picture.shape


def test_photos_without_a_colour_label_give_no_patches_and_train_all_the_same(tmp_path):
    photos = fill(tmp_path / "photos", ("big_round", "small_round", "small_square"), 12)
    prepared = prepare(TrainOptions(photos, Path("unused"), find_recipe("default")), (48, 48), silent)
    sampler = Sampler.of(prepared, find_recipe("default"), Masks.find(prepared, prepared.on("train"), silent))
    assert not sampler.masks.colours
    assert sampler.counts[2] == 0
    assert {sampler.draw(item, np.random.default_rng(item))[0].shape for item in range(len(sampler))} == {(48, 48, 3)}


def test_only_training_photos_are_drawn(prepared):
    assert set(Sampler.of(prepared, find_recipe("default")).positives) == set(prepared.on("train"))


def test_whole_kinds_of_negatives_are_kept_for_judging():
    options = TrainOptions(Path("d"), Path("o"), find_recipe("default"))
    kinds = [f"kind{kind}" for kind in range(20) for _ in range(30)]
    sides = split_by_kind(kinds, options)
    by_kind = {}
    for kind, side in zip(kinds, sides, strict=True):
        by_kind.setdefault(kind, set()).add(side)
    assert all(len(found) == 1 for found in by_kind.values())
    assert sorted(side for found in by_kind.values() for side in found if side != "train") == ["test"] * 2 + ["val"] * 2


def test_labels_the_renderer_does_not_know_get_things_only():
    labels = ("poodle", "white_coat")
    rendered = render_for(labels, Dyes.of(labels), InputSpec(64, 64), 6, 1, silent)
    assert not rendered.targets.any()


@pytest.mark.parametrize(
    ("labels", "never"), [(("bag", "red", "shoes"), {"bag", "shoe"}), (("blau", "rot", "shirt"), {"shirt"})]
)
def test_what_a_label_may_name_is_not_drawn_as_nothing(monkeypatch, labels, never):
    drawn = set()
    draw_thing, draw_garment = fashion_render.render_object, fashion_render.render_photo
    monkeypatch.setattr(
        fashion_render, "render_object", lambda rng, name, *size: drawn.add(name) or draw_thing(rng, name, *size)
    )
    monkeypatch.setattr(
        fashion_render, "render_photo", lambda rng, name, *more: drawn.add(name) or draw_garment(rng, name, *more)
    )
    render_for(labels, Dyes.of(labels, [labels[:2], labels[2:]]), InputSpec(64, 64), 60, 1, silent)
    assert drawn
    assert not drawn & never


@pytest.mark.parametrize("how", [Augmentation(), TUTORIAL, CALM], ids=["default", "tutorial", "calm"])
def test_augmentation_gives_the_size_asked_for_and_repeats_with_the_seed(how):
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    one, same, other = (augment(picture, (48, 40), how, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (48, 40, 3)
    assert one.dtype == np.uint8
    assert (one == same).all()
    assert (one != other).any()


def test_no_augmentation_only_scales():
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    wide, high = (warp(ramp, size, NONE, np.random.default_rng(0)).astype(int) for size in ((32, 48), (48, 32)))
    assert np.abs(wide[16, :, 0] - np.linspace(0, 255, 48)).max() < 6
    assert np.abs(high[24, :, 0] - np.linspace(0, 255, 32)).max() < 9


def test_a_flip_mirrors():
    half = np.zeros((32, 32, 3), np.uint8)
    half[:, :16] = 255
    flipped = warp(half, (32, 32), replace(NONE, flip=1.0), np.random.default_rng(0))
    assert flipped[:, :12].max() == 0
    assert flipped[:, 20:].min() == 255
