"""Training pictures have the right labels after every kind of change."""

from dataclasses import replace

import numpy as np
import pytest

import fashion_render
from fashion_edge.preprocess import InputSpec
from fashion_edge.progress import make_progress
from fashion_train.data.augment import LIGHT_AUGMENTATION, TUTORIAL, Augmentation, augment, downscale, warp
from fashion_train.data.recolour import Palette, to_lab
from fashion_train.data.samples import Masks, PhotoSampler, draw_colour, render_pictures
from fashion_train.options import find_recipe

NONE = Augmentation(0.0, 0.0, 0.0, (1.0, 1.0), 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
SILENT = make_progress(False)
UNCHANGED = {"augmentation": NONE, "light_augmentation": 0.0}


@pytest.fixture(scope="module")
def photos(shapes, things, prepare_photos):
    """The shapes, with background images."""
    return prepare_photos(shapes, negatives=things)


@pytest.fixture(scope="module")
def masks(photos):
    return Masks.find(photos, photos.on("train"), SILENT)


def test_an_epoch_holds_every_training_photo_once_and_a_share_of_everything_else(photos, masks):
    labels, palette = photos.dataset.labels, photos.dataset.palette
    rendered = render_pictures(labels, palette, InputSpec(64, 64), 5, 1, SILENT)
    recipe = find_recipe("default", negatives=0.5, patches=0.25, rendered=0.25)
    sampler = PhotoSampler.of(photos, recipe, masks, rendered)
    count = len(photos.on("train"))
    assert sampler.positives == tuple(photos.on("train"))
    assert sampler.counts == (count, round(0.5 * count), round(0.25 * count), round(0.25 * count))


def test_a_recoloured_photo_has_its_new_colour_and_its_old_garment(photos, masks):
    sampler = PhotoSampler.of(photos, find_recipe("default", recolour=1.0, unknown_colours=0.0, **UNCHANGED), masks)
    blue, dress, red, shirt = range(4)
    for item, index in enumerate(sampler.positives[:12]):
        picture, target = sampler.draw(item, np.random.default_rng(item))
        assert (target[[dress, shirt]] == photos.targets[index][[dress, shirt]]).all()
        assert target[[blue, red]].sum() == 1
        cloth = np.median(to_lab(picture)[20:30, 20:28].reshape(-1, 3), axis=0)
        assert (cloth[2] > 0) == bool(target[red])  # b: yellow-red or blue, whatever it was before


def test_a_colour_without_a_label_gives_no_colour_label(photos, masks):
    index, labels = next(iter(masks.colours)), photos.dataset.labels
    assert draw_colour(photos.dataset.palette, 1.0, np.random.default_rng(0)) is None
    assert draw_colour(photos.dataset.palette, 0.0, np.random.default_rng(0)) in labels
    _, target = masks.recolour(photos, index, None, np.random.default_rng(0))
    assert target[[labels.index("blue"), labels.index("red")]].sum() == 0
    assert target.sum() == 1


def test_negatives_and_patches_have_no_label(photos, masks):
    sampler = PhotoSampler.of(photos, find_recipe("default", rendered=0.0), masks)
    for item in range(len(photos.on("train")), len(sampler)):
        _, target = sampler.draw(item, np.random.default_rng(item))
        assert not target.any()


def test_photos_are_downscaled_to_the_size_of_negatives_and_keep_their_labels(photos):
    def sharpness(picture):
        return np.abs(np.diff(picture.astype(int), axis=1)).mean()

    decoded = photos.negatives.decoded
    assert decoded.sizes[0] == (80, 60)
    thumbnails = replace(decoded, sizes=tuple((12, 9) for _ in decoded.sizes))
    tiny = replace(photos, negatives=replace(photos.negatives, decoded=thumbnails))
    recipes = [find_recipe("default", recolour=0.0, downscale_probability=share, **UNCHANGED) for share in (0.0, 1.0)]
    (fine, label), (coarse, same) = (PhotoSampler.of(tiny, r).draw(0, np.random.default_rng(0)) for r in recipes)
    assert sharpness(coarse) < 0.8 * sharpness(fine)
    assert fine.shape == (48, 48, 3)
    assert (label == same).all()
    assert (label == photos.targets[photos.on("train")[0]]).all()


def test_a_picture_that_is_small_already_is_not_downscaled():
    picture = np.random.default_rng(0).integers(0, 255, (40, 30, 3), np.uint8)
    assert downscale(picture, (80, 60), np.random.default_rng(0)) is picture
    assert downscale(picture, (20, 60), np.random.default_rng(0)).shape == picture.shape


def test_photos_without_a_colour_label_give_no_patches(colourless, prepare_photos):
    found = prepare_photos(colourless)
    sampler = PhotoSampler.of(found, find_recipe("default"), Masks.find(found, found.on("train"), SILENT))
    assert not sampler.masks.colours
    assert sampler.counts[2] == 0
    assert {sampler.draw(item, np.random.default_rng(item))[0].shape for item in range(len(sampler))} == {(48, 48, 3)}


def test_labels_that_the_renderer_does_not_know_get_objects_only():
    labels = ("poodle", "white_coat")
    assert not render_pictures(labels, Palette.of(labels), InputSpec(64, 64), 6, 1, SILENT).targets.any()


@pytest.mark.parametrize(
    ("labels", "never"), [(("bag", "red", "shoes"), {"bag", "shoe"}), (("blau", "rot", "shirt"), {"shirt"})]
)
def test_an_object_that_a_label_may_name_is_not_rendered_without_it(monkeypatch, labels, never):
    drawn = set()

    def record(draw):
        return lambda rng, name, *more: drawn.add(name) or draw(rng, name, *more)

    for function in ("render_object", "render_photo"):
        monkeypatch.setattr(fashion_render, function, record(getattr(fashion_render, function)))
    palette = Palette.of(labels, [labels[:2], labels[2:]])
    render_pictures(labels, palette, InputSpec(64, 64), 60, 1, SILENT)
    assert drawn
    assert not drawn & never


@pytest.mark.parametrize("changes", [Augmentation(), TUTORIAL, LIGHT_AUGMENTATION], ids=["full", "tutorial", "light"])
def test_augmentation_gives_the_requested_size_and_repeats_with_the_seed(changes):
    picture = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    one, same, other = (augment(picture, (48, 40), changes, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.shape == (48, 40, 3)
    assert one.dtype == np.uint8
    assert (one == same).all()
    assert (one != other).any()


@pytest.mark.parametrize(
    ("size", "flip", "error"),
    [((32, 48), 0.0, 6), ((48, 32), 0.0, 9), ((32, 48), 1.0, 6)],
    ids=["wide", "high", "flip"],
)
def test_a_picture_is_only_resized_or_mirrored_without_other_augmentation(size, flip, error):
    ramp = np.repeat(np.linspace(0, 255, 64).astype(np.uint8)[None, :, None], 64, axis=0).repeat(3, axis=2)
    warped = warp(ramp, size, replace(NONE, flip=flip), np.random.default_rng(0)).astype(int)
    expected = np.linspace(255, 0, size[1]) if flip else np.linspace(0, 255, size[1])
    assert np.abs(warped[size[0] // 2, :, 0] - expected).max() < error
