"""The painter's surface: shapes rasterised with their own coordinates, laid over each other with soft edges."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2

Field = NDArray[np.float32]

TILE = 32  # knots across; the tile wraps around


def field(rng: np.random.Generator, height: int, width: int, knots_y: float, knots_x: float) -> Field:
    """Smooth noise (height, width) float32 of about unit deviation, with so many knots down and across."""
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
    tile = rng.standard_normal((TILE, TILE), dtype=np.float32)
    cosine, sine = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    shift_x, shift_y = rng.uniform(0, TILE, 2).astype(np.float32)
    at_x = (across * cosine + along * sine) * np.float32(frequency) + shift_x
    at_y = (along * cosine - across * sine) * np.float32(frequency / stretch) + shift_y
    raw = cv2.remap(tile, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return np.tanh(1.4 * raw)  # type: ignore[no-any-return]


PictureField = NDArray[np.float32]
Points = NDArray[np.float64]  # (n, 2) x, y

SUBPIXEL_BITS = 4  # polygon corners in 1/16 pixel


@dataclass(frozen=True)
class Raster:
    """A shape on the pixel grid: where it lies, its coverage, and its own coordinates at every pixel."""

    top: int
    left: int
    mask: PictureField  # (h, w) coverage 0..1
    u: PictureField  # -1 at the left edge, 1 at the right
    v: PictureField  # 0 at the start, 1 at the end
    across: PictureField  # from the axis, in heads
    along: PictureField  # from the start, in heads


class Picture:
    """A canvas (4, h, w) float32: planes B, G, R 0..255, premultiplied with the last, alpha 0..1.

    Planes and not pixels, since numpy multiplies a plane by a mask eight times faster.
    """

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.zeros((4, height, width), np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    def lay(self, top: int, left: int, mask: PictureField, colour: PictureField) -> None:
        """Lay a patch over what is there; mask (h, w) 0..1, colour (3,) or (3, h, w) 0..255 B, G, R."""
        height, width = mask.shape
        if not height or not width:
            return
        region = self.pixels[:, top : top + height, left : left + width]
        region *= 1 - mask
        region[:3] += mask * (colour if colour.ndim == 3 else colour[:, None, None])
        region[3] += mask

    def fill(self, points: Points, colour: PictureField, opacity: float = 1.0) -> None:
        """Fill a polygon (n, 2) in pixels with one colour."""
        top, left, mask = polygon_mask(points, self.size)
        self.lay(top, left, mask * np.float32(opacity), colour)

    def stroke(self, points: Points, colour: PictureField, thickness: float, opacity: float = 1.0) -> None:
        """Draw an open line through points (n, 2) in pixels; a line thinner than a pixel grows faint instead."""
        whole = max(1, round(thickness))
        top, left, bottom, right = _bounds(points, self.size, margin=whole + 1)
        if bottom <= top or right <= left:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        cv2.polylines(mask, [_subpixel(points, top, left)], False, 255, whole, cv2.LINE_AA, SUBPIXEL_BITS)
        faint = min(1.0, max(thickness, 0.3)) * opacity
        self.lay(top, left, mask.astype(np.float32) * np.float32(faint / 255), colour)

    def to_sprite(self) -> NDArray[np.uint8]:
        """Straight-alpha B, G, R, A (h, w, 4) uint8."""
        straight = self.pixels / np.maximum(self.pixels[3], np.float32(1e-3))
        straight[3] = self.pixels[3] * 255
        return to_image(straight)


def to_image(planes: PictureField) -> NDArray[np.uint8]:
    """Planes (c, h, w) float32 0..255 to pixels (h, w, c) uint8, rounded and clipped."""
    rounded = (planes + np.float32(0.5)).clip(0, 255).astype(np.uint8)
    return np.asarray(cv2.merge(list(rounded)))


def polygon_mask(points: Points, size: tuple[int, int]) -> tuple[int, int, PictureField]:
    """Coverage of a polygon (n, 2), clipped to a canvas (height, width): top, left, mask (h, w) 0..1."""
    top, left, bottom, right = _bounds(points, size, margin=1)
    if bottom <= top or right <= left:
        return 0, 0, np.zeros((0, 0), np.float32)
    mask = np.zeros((bottom - top, right - left), np.uint8)
    cv2.fillPoly(mask, [_subpixel(points, top, left)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return top, left, mask.astype(np.float32) * np.float32(1 / 255)


def ellipse(centre: tuple[float, float], radii: tuple[float, float], n: int = 28) -> Points:
    """Corners (n, 2) of an upright ellipse."""
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([centre[0] + radii[0] * np.cos(turn), centre[1] + radii[1] * np.sin(turn)], axis=1)


def smooth(points: Points, samples: int = 8) -> Points:
    """A closed Catmull-Rom curve through points (n, 2): (n * samples, 2)."""
    before, after, last = np.roll(points, 1, axis=0), np.roll(points, -1, axis=0), np.roll(points, -2, axis=0)
    t = np.linspace(0, 1, samples, endpoint=False)[None, :, None]
    p0, p1, p2, p3 = (p[:, None, :] for p in (before, points, after, last))
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return np.asarray(curve.reshape(-1, 2) / 2)


def _bounds(points: Points, size: tuple[int, int], margin: int) -> tuple[int, int, int, int]:
    low, high = np.floor(points.min(axis=0)) - margin, np.ceil(points.max(axis=0)) + margin + 1
    top, left = max(0, int(low[1])), max(0, int(low[0]))
    return top, left, min(size[0], int(high[1])), min(size[1], int(high[0]))


def _subpixel(points: Points, top: int, left: int) -> NDArray[np.int32]:
    shifted = (points - (left, top)) * (1 << SUBPIXEL_BITS)
    return np.round(shifted).astype(np.int32).reshape(-1, 1, 2)
