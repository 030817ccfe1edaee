"""The same photo twice: equal bytes, or equal to the eye. Both copies belong on one side of the split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2

HASH_SIDE = 8  # 8 x 8 low frequencies: 64 bits
NEAR_BITS = 4  # of 64; near-duplicates differ by rescaling and JPEG only
_ROWS = 64  # hashes compared with all others at once: 26 MB at 50,000 photos


def perceptual_hash(frame: NDArray[np.uint8]) -> int:
    """64 bits that survive rescaling and compression: signs of the lowest DCT terms around their median.

    Source: the pHash of E. Klinger and D. Starkweather, as ImageHash implements it.
    """
    cv2 = load_cv2()
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
