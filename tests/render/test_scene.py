"""Whole pictures: they show the garment and colour, and the same seed gives the same picture."""

import numpy as np
import pytest

from fashion_render import COLOURS, GARMENTS, OBJECTS, Camera, render_background, render_object, render_photo
from fashion_render.canvas import Picture, View
from fashion_render.fabric import Brush, cloth_colour
from fashion_render.outfit import draw_outfit, paint_outfit
from fashion_render.scene import render_standing

HUES = {"red": (0, 12), "yellow": (18, 34), "green": (35, 90), "blue": (95, 125), "purple": (125, 160)}  # 0..179


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("garment", GARMENTS)
def test_a_photo_has_the_size_asked_for_and_shows_something(garment, colour):
    photo = render_photo(rng(), garment, colour, 160, 120)
    assert photo.shape == (160, 120, 3)
    assert photo.dtype == np.uint8
    assert photo.std() > 10


def test_the_same_seed_gives_the_same_photo_and_another_seed_another():
    first, again, other = (render_photo(rng(seed), "dress", "red") for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("garment", GARMENTS)
@pytest.mark.parametrize("colour", HUES)
def test_a_cut_out_garment_has_the_hue_of_its_name(garment, colour):
    cv2 = pytest.importorskip("cv2")
    outfit = draw_outfit(rng(3), garment, colour, wearer="ghost")
    left, top, right, bottom = outfit.box()
    scale = 160 / (bottom - top)
    picture = Picture(160, round(scale * (right - left)))
    paint_outfit(Brush(rng(4), picture, View(scale, -left * scale, -top * scale), outfit.light), outfit)
    sprite = picture.to_sprite()
    hsv = cv2.cvtColor(sprite[:, :, :3], cv2.COLOR_BGR2HSV)[sprite[:, :, 3] > 200]
    vivid = hsv[hsv[:, 1] > 60][:, 0].astype(int)
    low, high = HUES[colour]
    shifted = np.where(vivid > 168, vivid - 180, vivid)
    assert ((shifted >= low - 12) & (shifted <= high)).mean() > 0.6


def test_black_cloth_is_dark_but_never_quite_zero():
    shades = np.array([cloth_colour(rng(seed), "black") for seed in range(50)])
    assert shades.max() < 60
    assert shades.min() >= 8


@pytest.mark.parametrize("garment", GARMENTS)
@pytest.mark.parametrize("seed", range(4))
def test_a_sprite_is_opaque_cloth_in_the_middle_of_clear_surroundings(garment, seed):
    alpha = render_standing(rng(seed), garment, "green", height=240, width=192)[:, :, 3].astype(int)
    assert alpha.max() == 255
    assert (alpha == 0).mean() > 0.1
    spare_y, spare_x = (alpha.shape[0] - 240) // 2, (alpha.shape[1] - 192) // 2
    assert alpha[spare_y : spare_y + 240, spare_x : spare_x + 192].sum() > 0.75 * alpha.sum()


def test_an_ideal_camera_adds_no_grain_to_a_white_background():
    photo = render_photo(rng(5), "jeans", "blue", 160, 120, camera=Camera(), background="white", texture=False)
    steps = np.diff(photo[:8, :8, 0].astype(int), axis=1)
    assert np.abs(steps).max() <= 1


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_can_be_photographed(name):
    white = render_object(rng(), name, 120, 90, camera=Camera(), background="white")
    assert white.shape == (120, 90, 3)
    assert (white < 200).any(axis=2).mean() > 0.02


def test_a_background_is_a_picture_without_a_garment():
    assert render_background(rng(), 90, 120).shape == (90, 120, 3)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: render_photo(rng(), "kilt", "red"), "dress, jeans, shirt"),
        (lambda: render_photo(rng(), "dress", "mauve"), "black, blue, red"),
        (lambda: render_photo(rng(), "dress", "red", background="moon"), "white, plain"),
        (lambda: render_object(rng(), "anvil"), "bag, ball"),
    ],
)
def test_an_unknown_name_is_refused_with_the_known_ones(call, word):
    with pytest.raises(ValueError, match=word):
        call()
