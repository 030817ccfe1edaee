"""Recolouring changes the cloth and nothing else; a palette says which colours have a label."""

import cv2
import numpy as np
import pytest

from fashion_train.data.recolour import (
    CLOTHS,
    Palette,
    cloth_name,
    colour_match,
    draw_shade,
    find_garment,
    recolour,
    to_lab,
)


def red_dress():
    """A red dress with vertical folds on white, under a tan face: (128, 128, 3) RGB, and the true mask."""
    picture = np.full((128, 128, 3), 245, np.uint8)
    mask = np.zeros((128, 128), np.uint8)
    cv2.fillPoly(mask, [np.array([(50, 40), (78, 40), (104, 120), (24, 120)], np.int32)], 255)
    folds = (1 + 0.25 * np.sin(np.arange(128) / 3))[None, :, None]
    cloth = (np.array([190, 25, 38]) * folds).clip(0, 255)
    picture = np.where(mask[:, :, None] > 0, cloth, picture).astype(np.uint8)
    cv2.circle(picture, (64, 26), 12, (206, 158, 122), -1)
    return picture, mask


def test_the_mask_covers_the_cloth_and_not_the_skin():
    picture, truth = red_dress()
    found = find_garment(picture, "red") > 127
    wanted = truth > 0
    assert (found & wanted).sum() / (found | wanted).sum() > 0.9
    assert not found[16:30, 58:70].any()


def test_no_cloth_of_that_colour_gives_no_mask():
    picture, _ = red_dress()
    assert find_garment(picture, "green") is None
    assert find_garment(np.full((64, 64, 3), 255, np.uint8), "blue") is None


@pytest.mark.parametrize("colour", sorted(CLOTHS))
def test_the_cloth_takes_the_new_colour_and_the_rest_stays(colour):
    picture, mask = red_dress()
    dyed = recolour(picture, mask, colour, np.random.default_rng(3))
    assert (dyed[mask == 0] == picture[mask == 0]).all()
    assert np.median(colour_match(dyed, colour)[mask > 0]) > 0.4


def test_folds_stay_visible_in_black():
    picture, mask = red_dress()
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8)) > 0
    before = to_lab(picture)[..., 0][inside]
    after = to_lab(recolour(picture, mask, "black", np.random.default_rng(3)))[..., 0][inside]
    assert np.corrcoef(before, after)[0, 1] > 0.9
    assert np.median(after) < 50 < np.median(before)


def test_unnamed_colours_are_those_that_no_label_means():
    names = Palette.of(["black", "blue", "red", "dress"]).unnamed
    assert "green" in names
    assert not {"black", "blue", "red", "teal"} & set(names)  # teal is called blue by some
    assert cloth_name("gray") == "grey"
    assert cloth_name("dress") is None


@pytest.mark.parametrize(
    ("labels", "groups", "green_is_unnamed"),
    [
        (["black", "turquoise", "dress"], [["black", "turquoise"], ["dress"]], False),
        (["blau", "rot", "dress"], [["blau", "rot"], ["dress"]], False),
        (["black", "red", "poodle"], [["black", "red"], ["poodle"]], True),
    ],
)
def test_a_colour_that_an_unknown_word_may_name_is_not_unnamed(labels, groups, green_is_unnamed):
    assert ("green" in Palette.of(labels, groups).unnamed) is green_is_unnamed


def test_photos_of_two_colours_or_of_a_colour_with_two_names_are_not_recoloured():
    palette = Palette.of(["navy", "blue", "red", "striped", "shirt"])
    assert palette.named == ("red",)
    assert "blue" not in palette.unnamed
    assert palette.colour_of(("red", "shirt")) == "red"
    for labels in (("navy", "shirt"), ("red", "blue", "shirt"), ("striped", "shirt")):
        assert palette.colour_of(labels) is None


def test_the_seed_decides_the_shade():
    one, same = (draw_shade("blue", np.random.default_rng(4)) for _ in range(2))
    assert (one == same).all()
