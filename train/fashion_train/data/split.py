"""The split into train, val and test: stratified over combinations, seeded, near-duplicates kept together."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2

HASH_SIDE = 8  # 8 x 8 low frequencies: 64 bits
NEAR_BITS = 4  # of 64; near-duplicates differ by rescaling and JPEG only
ROWS = 64  # hashes compared with all others at once: 26 MB at 50,000 photos
MIN_KINDS = 10  # folders of negatives from which on whole folders go to val and test


def perceptual_hash(frame: NDArray[np.uint8]) -> int:
    """64 bits that survive rescaling and compression: signs of the lowest DCT terms around their median.

    Source: the pHash of E. Klinger and D. Starkweather, as ImageHash implements it.
    """
    grey = cv2.cvtColor(cv2.resize(frame, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    low = cv2.dct(grey.astype(np.float32))[:HASH_SIDE, :HASH_SIDE].ravel()
    bits = low > np.median(low)
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def group_duplicates(content: Sequence[str], perceptual: Sequence[int], near_bits: int = NEAR_BITS) -> list[int]:
    """For each photo its near-duplicate group: the lowest index among the photos of the group.

    Photos belong together when their bytes are equal, or their perceptual hashes differ in at most `near_bits` bits.
    `content` has the SHA-256 of each file, "" where it could not be read.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first: dict[str | int, int] = {}
    keys = [(key, index) for index, digest in enumerate(content) if digest for key in (digest, perceptual[index])]
    edges = [(first.setdefault(key, index), index) for key, index in keys]
    photo_of = {key: index for key, index in first.items() if isinstance(key, int)}
    hashes, photos = np.array(list(photo_of), np.uint64), list(photo_of.values())
    edges += [(photos[near], photo) for near, photo in zip(_link_near(hashes, near_bits), photos, strict=True)]
    one, other = np.array(edges, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(one)), (one, other)), shape=(len(content), len(content)))
    _, component = connected_components(graph, directed=False)
    _, lowest = np.unique(component, return_index=True)
    groups: list[int] = lowest[component].tolist()
    return groups


def _link_near(hashes: NDArray[np.uint64], near_bits: int) -> NDArray[np.int64]:
    """For each distinct hash the lowest position of those it is linked to; a list of all pairs would not fit."""
    linked = np.arange(len(hashes))
    for start in range(0, len(hashes), ROWS):
        near = np.bitwise_count(hashes[start : start + ROWS, None] ^ hashes[None, start:]) <= near_bits
        for row in np.flatnonzero(near.sum(axis=1) > 1):
            groups = np.unique(linked[start:][near[row]])
            if len(groups) > 1:
                linked[np.isin(linked, groups)] = groups[0]
    return linked


@dataclass(frozen=True)
class Fractions:
    """Shares of the photos for validation and for testing; the rest trains."""

    val: float = 0.12
    test: float = 0.08


def split_photos(
    combinations: Sequence[str],
    duplicate_groups: Sequence[int],
    fractions: Fractions,
    seed: int,
    holdout: Collection[str] = (),
) -> list[str]:
    """Assign each photo to train, val or test; photos of one near-duplicate group get the same side.

    Each combination is split on its own, so that every side gets its share; combinations too small for a photo of their
    own give one together. A group whose photos have different labels counts for the combination of its first photo.
    Where every group is larger than a side's share, the side still gets the smallest one, if another is left to train.
    All photos of the combinations in `holdout` go to test.
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
    carried = {"val": 0.0, "test": 0.0}  # from combinations too small for a photo of their own
    for combination in sorted(by_combination):
        groups = [by_combination[combination][i] for i in rng.permutation(len(by_combination[combination]))]
        total = sum(len(members[group]) for group in groups)
        needed = {"val": round(fractions.val * total), "test": round(fractions.test * total)}
        for side, share in (("val", fractions.val), ("test", fractions.test)):
            if needed[side] == 0 and combination not in holdout and total > 2:
                carried[side] += share * total
                needed[side] = int(carried[side])
                carried[side] -= needed[side]
        if combination in holdout:
            needed = {"val": 0, "test": total}
        assigned = _assign({group: len(members[group]) for group in groups}, needed)
        for group, side in assigned.items():
            for index in members[group]:
                sides[index] = side
    return sides


def _assign(sizes: Mapping[int, int], needed: Mapping[str, int]) -> dict[int, str]:
    """The side of each group, by the number of its photos and the number that each side needs."""
    left = dict(needed)
    assigned: dict[int, str] = {}
    for group, size in sizes.items():
        assigned[group] = next((side for side in left if size <= left[side]), "train")
        if assigned[group] != "train":
            left[assigned[group]] -= size
    for side in needed:
        training = [group for group in sizes if assigned[group] == "train"]
        if needed[side] and side not in assigned.values() and len(training) > 1:
            assigned[min(training, key=lambda group: sizes[group])] = side
    return assigned


def split_negatives(
    files: Sequence[str],
    content: Sequence[str],
    perceptual: Sequence[int],
    fractions: Fractions,
    seed: int,
    sides_of_photos: Mapping[str, str],
) -> list[str]:
    """Assign background images to sides, so that no copy of an evaluated one trains.

    From ten folders on, whole folders go to `val` and `test`, so that those images are of kinds never seen in training.
    Otherwise they are split one by one.
    `sides_of_photos` gives the side of each SHA-256 in the data set: a copy of a photo without labels joins it.
    """
    kinds = [str(PurePosixPath(file).parent) for file in files]
    groups: Sequence[object] = content
    if len(set(kinds)) < MIN_KINDS:
        groups = copies = group_duplicates(content, perceptual)
        sides = split_photos(["nothing"] * len(files), copies, fractions, seed)
        fixed = dict(sides_of_photos)
    else:
        sides = split_by_kind(kinds, fractions, seed)
        fixed = {digest: side for digest, side in zip(content, sides, strict=True) if side != "train"}
        fixed |= sides_of_photos
    moved = {group: fixed[digest] for group, digest in zip(groups, content, strict=True) if digest in fixed}
    return [moved.get(group, side) for group, side in zip(groups, sides, strict=True)]


def split_by_kind(kinds: Sequence[str], fractions: Fractions, seed: int) -> list[str]:
    """Sides of images of these kinds; all images of one kind get the same side."""
    rng = np.random.default_rng(seed)
    order = [sorted(set(kinds))[i] for i in rng.permutation(len(set(kinds)))]
    val, test = round(fractions.val * len(order)), round(fractions.test * len(order))
    side = dict.fromkeys(order[:val], "val") | dict.fromkeys(order[val : val + test], "test")
    return [side.get(kind, "train") for kind in kinds]
