"""Which photos train, which tune, which judge: stratified over combinations, seeded, duplicates kept together."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np


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
