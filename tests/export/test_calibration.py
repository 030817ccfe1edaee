"""Calibration photos are checked before use and listed in the bundle."""

import csv
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.errors import DatasetError, RunError
from fashion_export.calibration import (
    Inputs,
    Photo,
    calibration_warnings,
    refuse_shared,
    split_halves,
    summarize,
    to_csv,
)
from fashion_export.variants.job import Job
from fashion_export.variants.tflite import representative_dataset

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


BLANK = pictures(120)
BLANK[:30] = 250
NOISE = np.random.default_rng(0).integers(0, 256, (120, 24, 24, 3), np.uint8)


@pytest.mark.parametrize(
    ("pixels", "warnings"),
    [
        (pictures(120), []),
        (pictures(12), ["12 calibration photos are few; int8 ranges settle at about 100"]),
        (BLANK, ["25% of the calibration photos are blank, so int8 ranges will be too narrow"]),
        (NOISE, ["100% of the calibration photos are noise, not pictures, so int8 ranges will be wrong"]),
        (pictures(0), ["there is no calibration photo, so no int8 variant can be made"]),
    ],
    ids=["suitable", "few", "blank", "noise", "none"],
)
def test_unsuitable_photos_give_a_warning(pixels, warnings):
    assert calibration_warnings(inputs(pixels), LABELS) == warnings
    only_red = np.tile([True, False], (len(pixels), 1))
    unseen = ["no calibration photo shows blue"] if len(pixels) else []
    assert calibration_warnings(inputs(pixels, only_red), LABELS) == [*warnings, *unseen]


def test_copy_of_a_validation_photo_with_another_name_is_refused():
    with pytest.raises(RunError, match=r"'1\.png'.* name the photos of the run with --dataset"):
        refuse_shared(inputs(pictures(2), hashes=["a", "b"]), inputs(pictures(2), hashes=["b", "c"]))


def test_halves_are_disjoint_seeded_and_complete():
    pixels = np.arange(11, dtype=np.uint8)[:, None, None, None]
    first, second = split_halves(pixels, seed=3)
    assert sorted([*first.ravel(), *second.ravel()]) == list(range(11))
    assert np.array_equal(first, split_halves(pixels, seed=3)[0])
    assert not np.array_equal(first, split_halves(pixels, seed=4)[0])


def test_representative_dataset_has_black_and_white_once_and_the_photos():
    pixels = pictures(3)
    images = [entry[0] for entry in representative_dataset(pixels)]
    assert images[0].min() == 0
    assert images[0].max() == 255
    assert np.array_equal(images[1][0], pixels[1])


def test_int8_needs_a_photo():
    with pytest.raises(DatasetError, match="calibration photos"):
        Job(None, None, pictures(0)).require_calibration()


def test_csv_and_summary_identify_every_photo_by_its_hash():
    """A name with quotes or commas is quoted."""
    photos = tuple(Photo(name, ()) for name in ('so "red".png', "red, blue.png"))
    some = replace(inputs(pictures(2), hashes=["aa", "bb"]), photos=photos)
    assert list(csv.reader(to_csv(some).splitlines())) == [
        ["file", "sha256"],
        ['so "red".png', "aa"],
        ["red, blue.png", "bb"],
    ]
    assert summarize(some)["photos"] == 2
    assert summarize(some)["sha256"] != summarize(inputs(pictures(2), hashes=["aa", "bc"]))["sha256"]
