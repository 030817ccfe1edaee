"""Whole pictures: what is asked for is in them, the same seed gives the same picture."""

import numpy as np
import pytest

from fashion_render import COLOURS, GARMENTS, OBJECTS, render_background, render_garment, render_object, render_photo
from fashion_render.scene import Camera

HUES = {
    "red": (0, 12),
    "yellow": (18, 34),
    "green": (35, 90),
    "blue": (95, 125),
    "purple": (125, 160),
}  # 0..179


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
    from fashion_render.canvas import Picture
    from fashion_render.outfit import GarmentSpec, draw_outfit, paint_outfit
    from fashion_render.panel import View

    outfit = draw_outfit(rng(3), GarmentSpec(garment, colour, wearer="ghost"))
    left, top, right, bottom = outfit.box()
    picture = Picture(160, round(160 * (right - left) / (bottom - top)))
    paint_outfit(
        rng(4), picture, View(160 / (bottom - top), -left * 160 / (bottom - top), -top * 160 / (bottom - top)), outfit
    )
    sprite = picture.to_sprite()

    hsv = cv2.cvtColor(sprite[:, :, :3], cv2.COLOR_BGR2HSV)[sprite[:, :, 3] > 200]
    vivid = hsv[hsv[:, 1] > 60][:, 0].astype(int)
    low, high = HUES[colour]
    shifted = np.where(vivid > 168, vivid - 180, vivid)
    assert ((shifted >= low - 12) & (shifted <= high)).mean() > 0.6


def test_black_cloth_is_dark_but_never_quite_zero():
    from fashion_render.colours import cloth_colour

    shades = np.array([cloth_colour(rng(seed), "black") for seed in range(50)])

    assert shades.max() < 60
    assert shades.min() >= 8


def test_a_sprite_has_solid_cloth_and_clear_surroundings():
    sprite = render_garment(rng(), "shirt", "green", height=200)

    assert sprite.shape[0] == 200
    assert sprite.shape[2] == 4
    assert sprite[:, :, 3].max() == 255
    assert (sprite[:, :, 3] == 0).mean() > 0.1


def test_an_ideal_camera_adds_no_grain_to_a_white_background():
    photo = render_photo(rng(5), "jeans", "blue", 160, 120, camera=Camera(), background="white", texture=False)

    steps = np.diff(photo[:3, :, 0].astype(int), axis=1)
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
