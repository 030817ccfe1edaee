"""The split: stratified, seeded, and duplicates never stand on two sides."""

from collections import Counter

import cv2
import numpy as np
import pytest

from fashion_train.duplicates import group_duplicates, perceptual_hash
from fashion_train.split import Fractions, split_photos

COMBINATIONS = ["red dress"] * 50 + ["blue shirt"] * 100


def test_each_combination_gives_its_share_to_each_side():
    sides = split_photos(COMBINATIONS, range(150), Fractions(0.2, 0.1), seed=1)
    assert Counter(sides[:50]) == {"train": 35, "val": 10, "test": 5}
    assert Counter(sides[50:]) == {"train": 70, "val": 20, "test": 10}


def test_many_small_combinations_give_their_share_together():
    names = [f"c{number:02d}" for number in range(100) for _ in range(4)]
    sides = split_photos(names, range(400), Fractions(0.12, 0.08), seed=1)
    assert sides.count("val") == pytest.approx(48, abs=1)
    assert sides.count("test") == pytest.approx(32, abs=1)
    trained = {name for name, side in zip(names, sides, strict=True) if side == "train"}
    assert len(trained) == 100


def test_the_seed_decides():
    one, same, other = (split_photos(COMBINATIONS, range(150), Fractions(), seed) for seed in (1, 1, 2))
    assert one == same != other


def test_duplicates_stay_together_whatever_their_labels():
    groups = [0, 0, 0, *range(3, 149), 0]  # the last photo, of the other combination, is a copy too
    for seed in range(20):
        sides = split_photos(COMBINATIONS, groups, Fractions(0.3, 0.3), seed)
        assert len({sides[index] for index in (0, 1, 2, 149)}) == 1


def test_a_held_out_combination_is_only_judged_on():
    sides = split_photos(COMBINATIONS, range(150), Fractions(0.2, 0.1), 1, holdout={"red dress"})
    assert set(sides[:50]) == {"test"}


def test_a_copy_of_a_held_out_photo_under_another_label_does_not_train():
    sides = split_photos(["blue shirt", "red dress"], [0, 0], Fractions(), 1, holdout={"red dress"})
    assert sides == ["test", "test"]


def picture(seed):
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return cv2.resize(small, (120, 160), interpolation=cv2.INTER_CUBIC)


def test_a_rescaled_and_recompressed_copy_is_found_and_another_photo_is_not():
    original = picture(1)
    _, data = cv2.imencode(".jpg", cv2.resize(original, (90, 120)), [cv2.IMWRITE_JPEG_QUALITY, 60])
    hashes = [perceptual_hash(p) for p in (original, picture(2), cv2.imdecode(data, 1), picture(3))]
    assert group_duplicates(["a", "b", "c", "d"], hashes) == [0, 1, 0, 3]


def test_equal_bytes_are_duplicates_and_unreadable_files_are_not():
    assert group_duplicates(["a", "", "", "a"], [1 << 40, 0, 0, 7]) == [0, 1, 2, 0]


def test_nearness_is_transitive_across_blocks():
    rng = np.random.default_rng(0)
    hashes = [int(value) for value in rng.integers(0, 2**63, 1200)]
    hashes[1100] = hashes[3] ^ 0b1011
    hashes[600] = hashes[1100] ^ (0b111 << 30)
    groups = group_duplicates([str(i) for i in range(1200)], hashes)
    assert groups[3] == groups[600] == groups[1100] == 3
    assert len(set(groups)) == 1198
