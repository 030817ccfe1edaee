"""Calibration photos: judged before they are used, listed after."""

import csv

import numpy as np
import pytest

from fashion_edge.errors import DatasetError, RunError
from fashion_export.calibration import Inputs, Photo, halves, manifest, refuse_shared, summary, warnings_of
from fashion_export.variants.calibrate import feed

LABELS = ("red", "blue")


def inputs(pixels, truth=None, hashes=None):
    n = len(pixels)
    photos = tuple(Photo(f"{i}.png", ()) for i in range(n))
    truth = np.ones((n, 2), bool) if truth is None else truth
    return Inputs(pixels, truth, photos, tuple(hashes or (f"h{i}" for i in range(n))), ())


def pictures(n: int) -> np.ndarray:
    """Smooth gradients with a little grain."""
    rng = np.random.default_rng(1)
    ramp = np.linspace(0, 200, 24)[None, None, :, None] + np.linspace(0, 40, 24)[None, :, None, None]
    return (ramp + rng.normal(0, 5, (n, 24, 24, 3))).clip(0, 255).astype(np.uint8)


def test_enough_pictures_of_every_label_raise_no_warning():
    assert warnings_of(inputs(pictures(120)), LABELS) == []


def test_few_pictures_are_said():
    assert "12 calibration photos are few" in warnings_of(inputs(pictures(12)), LABELS)[0]


def test_blank_pictures_are_said():
    pixels = pictures(120)
    pixels[:30] = 250
    assert warnings_of(inputs(pixels), LABELS) == [
        "25% of the calibration photos are blank, so int8 ranges will be too narrow"
    ]


def test_noise_is_said():
    pixels = np.random.default_rng(0).integers(0, 256, (120, 24, 24, 3), np.uint8)
    assert "100% of the calibration photos are noise" in warnings_of(inputs(pixels), LABELS)[0]


def test_a_label_that_no_photo_shows_is_said():
    truth = np.tile([True, False], (120, 1))
    assert warnings_of(inputs(pictures(120), truth), LABELS) == ["no calibration photo shows blue"]


def test_no_photo_at_all_is_said():
    assert "no calibration photo" in warnings_of(inputs(pictures(0)), LABELS)[0]


def test_a_copy_of_a_validation_photo_under_another_name_is_refused():
    with pytest.raises(RunError, match=r"'1\.png'.* name the photos that it learned from with --dataset"):
        refuse_shared(inputs(pictures(2), hashes=["a", "b"]), inputs(pictures(2), hashes=["b", "c"]))


def test_halves_are_disjoint_seeded_and_whole():
    pixels = np.arange(11, dtype=np.uint8)[:, None, None, None]
    first, second = halves(pixels, seed=3)
    assert sorted([*first.ravel(), *second.ravel()]) == list(range(11))
    assert np.array_equal(first, halves(pixels, seed=3)[0])
    assert not np.array_equal(first, halves(pixels, seed=4)[0])


def test_the_calibrator_sees_black_and_white_once_and_else_the_photos():
    pixels = pictures(3)
    images = [entry[0] for entry in feed(pixels)]
    assert images[0].min() == 0
    assert images[0].max() == 255
    assert np.array_equal(images[1][0], pixels[1])


def test_the_calibrator_wants_a_photo():
    with pytest.raises(DatasetError, match="calibration photos"):
        list(feed(pictures(0)))


def test_manifest_and_summary_name_every_photo_by_its_hash():
    some = inputs(pictures(2), hashes=["aa", "bb"])
    assert manifest(some) == "file,sha256\n0.png,aa\n1.png,bb\n"
    assert summary(some)["photos"] == 2
    assert summary(some)["sha256"] != summary(inputs(pictures(2), hashes=["aa", "bc"]))["sha256"]


def test_names_with_quotes_and_commas_come_back_from_the_manifest():
    photos = tuple(Photo(name, ()) for name in ('so "red".png', "red, blue.png"))
    some = Inputs(pictures(2), np.ones((2, 2), bool), photos, ("aa", "bb"), ())
    rows = list(csv.reader(manifest(some).splitlines()))
    assert rows[1:] == [['so "red".png', "aa"], ["red, blue.png", "bb"]]
