"""Which photos train, which tune, which judge: stratified over combinations, seeded, duplicates kept together."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2

HASH_SIDE = 8  # 8 x 8 low frequencies: 64 bits
NEAR_BITS = 4  # of 64; near-duplicates differ by rescaling and JPEG only
_ROWS = 64  # hashes compared with all others at once: 26 MB at 50,000 photos


def perceptual_hash(frame: NDArray[np.uint8]) -> int:
    """64 bits that survive rescaling and compression: signs of the lowest DCT terms around their median.

    Source: the pHash of E. Klinger and D. Starkweather, as ImageHash implements it.
    """
    grey = cv2.cvtColor(cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low = cv2.dct(grey.astype(np.float32))[:HASH_SIDE, :HASH_SIDE].ravel()
    bits = low > np.median(low)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def group_duplicates(content: Sequence[str], perceptual: Sequence[int], near_bits: int = NEAR_BITS) -> list[int]:
    """For each photo the number of its group: the lowest index among the photos it equals.

    Photos are joined when their bytes are equal, or their perceptual hashes differ in at most `near_bits` bits.
    """
    parent = list(range(len(content)))

    def find(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    def join(one: int, other: int) -> None:
        low, high = sorted((find(one), find(other)))
        parent[high] = low

    first: dict[str, int] = {}
    alike: dict[int, int] = {}
    for index, digest in enumerate(content):
        if digest:
            join(first.setdefault(digest, index), index)
            join(alike.setdefault(perceptual[index], index), index)
    photos = list(alike.values())
    for photo, nearest in zip(photos, _link_near(np.array(list(alike), np.uint64), near_bits), strict=True):
        join(photos[nearest], photo)
    return [find(index) for index in range(len(content))]


def _link_near(hashes: NDArray[np.uint64], near_bits: int) -> NDArray[np.int64]:
    """For each of different hashes the lowest position of those it is linked to; a list of all pairs would not fit."""
    linked = np.arange(len(hashes))
    for start in range(0, len(hashes), _ROWS):
        near = np.bitwise_count(hashes[start : start + _ROWS, None] ^ hashes[None, start:]) <= near_bits
        for row in np.flatnonzero(near.sum(axis=1) > 1):
            groups = np.unique(linked[start:][near[row]])
            if len(groups) > 1:
                linked[np.isin(linked, groups)] = groups[0]
    return linked


@dataclass(frozen=True)
class Fractions:
    """Shares of the photos that tune and that judge; the rest trains."""

    val: float = 0.12
    test: float = 0.08


def split_photos(
    combinations: Sequence[str],
    duplicate_groups: Sequence[int],
    fractions: Fractions,
    seed: int,
    holdout: Collection[str] = (),
) -> list[str]:
    """Give each photo a side, train, val or test; photos of one duplicate group get the same.

    Every combination is divided by itself, so that each side has its share; of many small ones every few give a photo.
    A group whose photos carry different labels is dealt with the combination of its first photo. Where every group is
    larger than a side's share, as bursts are, the side gets the smallest all the same, if another is left to train.
    Combinations in `holdout` go to `test` whole.
    """
    rng = np.random.default_rng(seed)
    members: dict[int, list[int]] = defaultdict(list)
    for index, group in enumerate(duplicate_groups):
        members[group].append(index)
    by_combination: dict[str, list[int]] = defaultdict(list)
    for group in sorted(members):
        names = {combinations[index] for index in members[group]}
        held = sorted(names & set(holdout))
        by_combination[held[0] if held else combinations[members[group][0]]].append(group)

    sides = ["train"] * len(combinations)
    carried = {"val": 0.0, "test": 0.0}  # of combinations too small for one photo of their own: every few give one
    for combination in sorted(by_combination):
        groups = [by_combination[combination][i] for i in rng.permutation(len(by_combination[combination]))]
        total = sum(len(members[group]) for group in groups)
        wanted = {"val": round(fractions.val * total), "test": round(fractions.test * total)}
        for side, share in (("val", fractions.val), ("test", fractions.test)):
            if wanted[side] == 0 and combination not in holdout and total > 2:
                carried[side] += share * total
                wanted[side] = int(carried[side])
                carried[side] -= wanted[side]
        if combination in holdout:
            wanted = {"val": 0, "test": total}
        dealt = _deal({group: len(members[group]) for group in groups}, wanted)
        for group, side in dealt.items():
            for index in members[group]:
                sides[index] = side
    return sides


def _deal(sizes: Mapping[int, int], wanted: Mapping[str, int]) -> dict[int, str]:
    """The side of each group, given how many photos of it there are and how many each side wants."""
    left = dict(wanted)
    dealt: dict[int, str] = {}
    for group, size in sizes.items():
        dealt[group] = next((side for side in left if size <= left[side]), "train")
        if dealt[group] != "train":
            left[dealt[group]] -= size
    for side in wanted:
        training = [group for group in sizes if dealt[group] == "train"]
        if wanted[side] and side not in dealt.values() and len(training) > 1:
            dealt[min(training, key=lambda group: sizes[group])] = side
    return dealt
