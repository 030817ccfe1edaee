"""The same photo twice: equal bytes, or equal to the eye. Both copies belong on one side of the split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2

HASH_SIDE = 8  # 8 x 8 low frequencies: 64 bits
NEAR_BITS = 4  # of 64; near-duplicates differ by rescaling and JPEG only
_CHUNK = 512


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
    for index, digest in enumerate(content):
        if digest:
            join(first.setdefault(digest, index), index)
    for one, other in _near_pairs(content, perceptual, near_bits):
        join(one, other)
    return [find(index) for index in range(len(content))]


def _near_pairs(content: Sequence[str], perceptual: Sequence[int], near_bits: int) -> list[tuple[int, int]]:
    """Pairs of readable photos whose hashes are near; by blocks, so 50,000 photos need no 2.5 GB matrix."""
    readable = np.array([index for index, digest in enumerate(content) if digest], np.int64)
    hashes = np.array([perceptual[index] for index in readable], np.uint64)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(hashes), _CHUNK):
        block = hashes[start : start + _CHUNK]
        distance = np.bitwise_count(block[:, None] ^ hashes[None, start:])
        rows, columns = np.nonzero(distance <= near_bits)
        keep = columns > rows
        pairs += zip(readable[start + rows[keep]].tolist(), readable[start + columns[keep]].tolist(), strict=True)
    return pairs
