"""Smooth random fields: what folds, faded dye, walls and foliage are made of."""

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2

Field = NDArray[np.float32]

TILE = 32  # knots across; the tile wraps around


def field(rng: np.random.Generator, height: int, width: int, knots_y: float, knots_x: float) -> Field:
    """Smooth noise (height, width) float32 of about unit deviation, with so many knots down and across."""
    cv2 = load_cv2()
    grid = rng.standard_normal((max(2, round(knots_y)) + 1, max(2, round(knots_x)) + 1), dtype=np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)  # type: ignore[no-any-return]


def grain(rng: np.random.Generator, height: int, width: int) -> Field:
    """White noise (height, width) float32 of unit deviation."""
    return rng.standard_normal((height, width), dtype=np.float32)


def folds(
    rng: np.random.Generator, across: Field, along: Field, *, angle: float, frequency: float, stretch: float
) -> Field:
    """Long smooth ridges over a garment's own coordinates, in about -1..1.

    Args:
        rng: the source of randomness.
        across: coordinate across the garment, (h, w).
        along: coordinate along it, (h, w), in the same unit.
        angle: of the ridges against the garment's length, radians; 0 hangs straight down.
        frequency: ridges in one unit.
        stretch: how many times longer than wide a ridge is.
    """
    cv2 = load_cv2()
    tile = rng.standard_normal((TILE, TILE), dtype=np.float32)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    shift_x, shift_y = rng.uniform(0, TILE, 2).astype(np.float32)
    at_x = (across * cosine + along * sine) * np.float32(frequency) + shift_x
    at_y = (along * cosine - across * sine) * np.float32(frequency / stretch) + shift_y
    raw = cv2.remap(tile, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return np.tanh(1.4 * raw)  # type: ignore[no-any-return]
