"""The split: stratified, seeded, and near-duplicates are always on one side."""

import itertools
import tracemalloc
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fashion_train.data.split import Fractions, group_duplicates, perceptual_hash, split_by_kind, split_photos

COMBINATIONS = ["red dress"] * 50 + ["blue shirt"] * 100


def test_each_combination_gives_its_share_to_each_side_and_the_seed_decides():
    one, same, other = (split_photos(COMBINATIONS, range(150), Fractions(0.2, 0.1), seed) for seed in (1, 1, 2))
    assert Counter(one[:50]) == {"train": 35, "val": 10, "test": 5}
    assert Counter(one[50:]) == {"train": 70, "val": 20, "test": 10}
    assert one == same != other


def test_many_small_combinations_together_give_their_share():
    names = [f"c{number:02d}" for number in range(100) for _ in range(4)]
    sides = split_photos(names, range(400), Fractions(0.12, 0.08), seed=1)
    assert sides.count("val") == pytest.approx(48, abs=1)
    assert sides.count("test") == pytest.approx(32, abs=1)
    trained = {name for name, side in zip(names, sides, strict=True) if side == "train"}
    assert len(trained) == 100


def test_duplicates_stay_on_one_side_whatever_their_labels():
    groups = [0, 0, 0, *range(3, 149), 0]  # the last photo, of the other combination, is a copy too
    for seed in range(20):
        sides = split_photos(COMBINATIONS, groups, Fractions(0.3, 0.3), seed)
        assert len({sides[index] for index in (0, 1, 2, 149)}) == 1


def test_a_held_out_combination_and_its_copies_under_another_label_are_only_tested_on():
    sides = split_photos(COMBINATIONS, [*range(149), 0], Fractions(0.2, 0.1), 1, holdout={"red dress"})
    assert set(sides[:50]) == {sides[149]} == {"test"}
    assert set(sides[50:149]) == {"train", "val", "test"}


def test_groups_larger_than_a_sides_share_are_still_assigned_the_smallest_first():
    groups = [0] * 12 + [1] * 8 + [2] * 9 + [3] * 11
    sides = split_photos(["red dress"] * 40, groups, Fractions(), seed=1)
    assert [sides[groups.index(group)] for group in range(4)] == ["train", "val", "test", "train"]
    assert set(split_photos(["red dress"] * 40, [0] * 40, Fractions(), seed=1)) == {"train"}


def test_whole_kinds_of_negatives_are_kept_out_of_training():
    kinds = [f"kind{kind}" for kind in range(20) for _ in range(30)]
    by_kind = {}
    for kind, side in zip(kinds, split_by_kind(kinds, Fractions(), 42), strict=True):
        by_kind.setdefault(kind, set()).add(side)
    assert all(len(found) == 1 for found in by_kind.values())
    assert sorted(side for found in by_kind.values() for side in found if side != "train") == ["test"] * 2 + ["val"] * 2


def picture(seed):
    small = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    return cv2.resize(small, (120, 160), interpolation=cv2.INTER_CUBIC)


def test_a_rescaled_and_recompressed_copy_is_found_and_another_photo_is_not():
    original = picture(1)
    _, data = cv2.imencode(".jpg", cv2.resize(original, (90, 120)), [cv2.IMWRITE_JPEG_QUALITY, 60])
    hashes = [perceptual_hash(p) for p in (original, picture(2), cv2.imdecode(data, 1), picture(3))]
    assert group_duplicates(["a", "b", "c", "d"], hashes) == [0, 1, 0, 3]


@given(
    st.lists(st.tuples(st.sampled_from(["", "a", "b", "c", "d", "e"]), st.sampled_from([0, 0x1F, 0x3FF, 7 << 30]))),
    st.lists(st.integers(0, 63), max_size=200),
    st.integers(0, 6),
)
def test_groups_are_what_equal_bytes_and_near_hashes_join(photos, flips, near_bits):
    photos += [("x" + str(number), 1 << flip) for number, flip in enumerate(flips)]
    content, hashes = [digest for digest, _ in photos], [value for _, value in photos]
    groups = list(range(len(photos)))
    for one, other in itertools.combinations([index for index, digest in enumerate(content) if digest], 2):
        if content[one] == content[other] or (hashes[one] ^ hashes[other]).bit_count() <= near_bits:
            low, high = sorted((groups[one], groups[other]))
            groups = [low if group == high else group for group in groups]
    assert group_duplicates(content, hashes, near_bits) == groups


def test_thousands_of_copies_are_grouped_in_little_memory():
    hashes = [3] * 1000 + [
        (1 << one) | (1 << other) for one in range(64) for other in range(one)
    ]  # 4 bits apart at most
    tracemalloc.start()
    groups = group_duplicates([str(index) for index in range(len(hashes))], hashes)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(groups) == {0}
    assert peak < 20e6
