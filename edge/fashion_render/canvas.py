"""Shapes with coordinates of their own, rasterized and composited with soft edges.

Body coordinates are heads: x to the right, y down, 0 at the top of the head; a figure is eight heads tall. `View` maps
them to pixels.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2

Field = NDArray[np.float32]
Floats = NDArray[np.float64]
Points = Floats  # (n, 2) x, y
Profile = Callable[[Floats], Floats]  # u in -1..1 -> offset along the axis, in heads
Joint = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom

TILE = 32  # knots across a noise tile, which wraps around
SUBPIXEL_BITS = 4  # polygon corners in 1/16 pixel
SAMPLES = 40  # outline corners on each side of a panel
KNOTS = np.linspace(0, 1, 64)  # fractions of the axis at which edges are computed
ROWS = np.linspace(0, 1, 256)  # fractions at which pixels look them up


def noise(rng: np.random.Generator, height: int, width: int, knots_y: float, knots_x: float) -> Field:
    """Smooth noise (height, width) of about unit deviation, with so many knots down and across."""
    shape = max(2, round(knots_y)) + 1, max(2, round(knots_x)) + 1
    grid = rng.standard_normal(shape, dtype=np.float32)
    return cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)  # type: ignore[no-any-return]


def ridges(
    rng: np.random.Generator, across: Field, along: Field, *, angle: float, frequency: float, stretch: float
) -> Field:
    """Long smooth ridges, in about -1..1, over two coordinates (h, w) of a garment.

    The angle is in radians against its length, the frequency in ridges per unit; a ridge is `stretch` times longer
    than wide.
    """
    tile = rng.standard_normal((TILE, TILE), dtype=np.float32)
    cosine, sine = math.cos(angle), math.sin(angle)
    shift_x, shift_y = rng.uniform(0, TILE, 2).astype(np.float32)
    at_x = (across * cosine + along * sine) * frequency + shift_x
    at_y = (along * cosine - across * sine) * (frequency / stretch) + shift_y
    raw = cv2.remap(tile, at_x, at_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_WRAP)
    return np.tanh(1.4 * raw)  # type: ignore[no-any-return]


class Picture:
    """A canvas (4, h, w) float32: planes B, G, R 0..255, premultiplied with the last, alpha 0..1.

    Planes and not pixels, since NumPy multiplies a plane by a mask eight times faster.
    """

    def __init__(self, height: int, width: int) -> None:
        self.pixels = np.zeros((4, height, width), np.float32)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[2]

    def composite(self, top: int, left: int, mask: Field, colour: Field) -> None:
        """Put a patch over the picture; mask (h, w) 0..1, colour (3,) or (3, h, w) 0..255 B, G, R."""
        height, width = mask.shape
        if not mask.size:
            return
        region = self.pixels[:, top : top + height, left : left + width]
        region *= 1 - mask
        region[:3] += mask * (colour if colour.ndim == 3 else colour[:, None, None])
        region[3] += mask

    def to_sprite(self) -> NDArray[np.uint8]:
        """Straight-alpha B, G, R, A (h, w, 4) uint8."""
        straight = self.pixels / np.maximum(self.pixels[3], np.float32(1e-3))
        straight[3] = self.pixels[3] * 255
        return to_image(straight)


def to_image(planes: Field) -> NDArray[np.uint8]:
    """Planes (c, h, w) float32 0..255 to pixels (h, w, c) uint8, rounded and clipped."""
    return np.asarray(cv2.merge(list((planes + 0.5).clip(0, 255).astype(np.uint8))))


@dataclass(frozen=True)
class View:
    """Maps body coordinates to pixels."""

    scale: float  # pixels in one head
    x: float  # pixel of body x = 0
    y: float  # pixel of body y = 0
    tilt: float = 0.0  # radians

    def px(self, points: Sequence[Sequence[float]] | Points) -> Points:
        """Pixels (n, 2) of body points (n, 2)."""
        cosine, sine = math.cos(self.tilt), math.sin(self.tilt)
        turned = np.asarray(points, np.float64) @ np.array([[cosine, sine], [-sine, cosine]])
        return np.asarray(turned * self.scale + (self.x, self.y))


@dataclass(frozen=True)
class Raster:
    """A panel on the pixel grid: its place, its coverage, and its own coordinates at every pixel."""

    top: int
    left: int
    mask: Field  # (h, w) coverage 0..1
    u: Field  # -1 at the left edge, 1 at the right
    v: Field  # 0 at the start, 1 at the end
    across: Field  # from the axis, in heads
    along: Field  # from the start, in heads


@dataclass(frozen=True)
class Panel:
    """A piece of cloth or skin around a straight axis, all in heads.

    At the fractions `at` of the axis (first 0, last 1) the edges are `left` and `right` of it. `top` and `hem`
    bend the two ends: offsets along the axis as functions of u, -1 at the left edge and 1 at the right one.
    """

    start: Joint
    end: Joint
    at: Sequence[float]
    left: Sequence[float]
    right: Sequence[float]
    top: Profile | None = None
    hem: Profile | None = None

    @cached_property
    def length(self) -> float:
        """Of the axis, in heads."""
        return max(math.dist(self.start, self.end), 1e-9)

    @cached_property
    def _table(self) -> Floats:
        """Both edges at `KNOTS`, smoothed: (2, knots)."""
        edges = np.stack([np.interp(KNOTS, self.at, edge) for edge in (self.left, self.right)])
        padded = np.pad(edges, ((0, 0), (4, 4)), mode="reflect", reflect_type="odd")
        return np.stack([np.convolve(edge, np.full(9, 1 / 9), mode="valid") for edge in padded])

    def edges(self, fraction: Floats) -> tuple[Floats, Floats]:
        """Left and right edge at fractions of the axis, smoothly interpolated."""
        left, right = self._table
        return np.interp(fraction, KNOTS, left), np.interp(fraction, KNOTS, right)

    def outline(self) -> Points:
        """Corners (n, 2) in heads, clockwise from the top left."""
        u, flat = np.linspace(-1, 1, SAMPLES), np.zeros(SAMPLES)
        top = self.top(u) if self.top else flat
        hem = self.length + (self.hem(u) if self.hem else flat)
        rights, lefts = np.linspace(top[-1], hem[-1], SAMPLES), np.linspace(hem[0], top[0], SAMPLES)
        along = np.concatenate([top, rights, hem[::-1], lefts])
        side = np.concatenate([u, flat + 1, u[::-1], flat - 1])
        left, right = self.edges(along / self.length)
        return self.place((left + right) / 2 + side * (right - left) / 2, along)

    def place(self, across: Floats, along: Floats) -> Points:
        """Body points (n, 2) of places given across and along the axis."""
        dx, dy = np.subtract(self.end, self.start) / self.length
        return np.stack([self.start[0] + along * dx + across * dy, self.start[1] + along * dy - across * dx], axis=1)

    def raster(self, view: View, size: tuple[int, int]) -> Raster:
        """Coverage and own coordinates on a canvas (height, width)."""
        top, left, mask = polygon_mask(view.px(self.outline()), size)
        start, end = view.px([self.start, self.end])
        dx, dy = ((end - start) / (self.length * view.scale)).tolist()
        x = (np.arange(mask.shape[1], dtype=np.float32) + float(left + 0.5 - start[0])) / view.scale
        y = (np.arange(mask.shape[0], dtype=np.float32) + float(top + 0.5 - start[1]))[:, None] / view.scale
        along, across = x * dx + y * dy, x * dy - y * dx
        v = along / self.length
        return Raster(top, left, mask, self._u(across, v), v, across, along)

    def _u(self, across: Field, v: Field) -> Field:
        left, right = self.edges(ROWS)
        at = (v * 255).clip(0, 255).astype(np.int32)
        middle = ((left + right) / 2).astype(np.float32)[at]
        half = np.maximum((right - left) / 2, 1e-3).astype(np.float32)[at]
        return ((across - middle) / half).clip(-1, 1)


def upright(rows: Sequence[tuple[float, float, float]], **ends: Profile | None) -> Panel:
    """A panel from rows (y, left x, right x); the first and the last y are the ends of its axis."""
    first, last = rows[0][0], rows[-1][0]
    at = [(y - first) / (last - first) for y, _, _ in rows]
    return Panel((0.0, first), (0.0, last), at, [left for _, left, _ in rows], [right for _, _, right in rows], **ends)


def symmetric(rows: Sequence[tuple[float, float]], **ends: Profile | None) -> Panel:
    """An upright panel from rows (y, half width)."""
    return upright([(y, -half, half) for y, half in rows], **ends)


def tube(start: Joint, end: Joint, widths: Sequence[float], cap: float = 1.0, hem_cap: float | None = None) -> Panel:
    """A straight piece of arm or sleeve between two joints; `cap` rounds the ends: 1 half circles, 0 straight."""
    first, last = cap * widths[0], (cap if hem_cap is None else hem_cap) * widths[-1]
    at = np.linspace(0, 1, len(widths)).tolist()
    return Panel(
        start,
        end,
        at,
        [-width for width in widths],
        list(widths),
        top=lambda u: -first * np.sqrt(np.maximum(0, 1 - u**2)),
        hem=lambda u: last * np.sqrt(np.maximum(0, 1 - u**2)),
    )


def ellipse(centre: Joint, radii: Joint, n: int = 28) -> Points:
    """Corners (n, 2) of an upright ellipse."""
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.stack([centre[0] + radii[0] * np.cos(turn), centre[1] + radii[1] * np.sin(turn)], axis=1)


def rectangle(left: float, top: float, right: float, bottom: float) -> list[Joint]:
    """Corners of an upright rectangle."""
    return [(left, top), (right, top), (right, bottom), (left, bottom)]


def smooth(points: Sequence[Sequence[float]] | Points, samples: int = 6) -> Points:
    """A closed Catmull-Rom curve through points (n, 2): (n * samples, 2)."""
    around = np.asarray(points, np.float64)
    p0, p1, p2, p3 = (np.roll(around, shift, axis=0)[:, None, :] for shift in (1, 0, -1, -2))
    t = np.linspace(0, 1, samples, endpoint=False)[None, :, None]
    curve = 2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2 + (3 * p1 - p0 - 3 * p2 + p3) * t**3
    return np.asarray(curve.reshape(-1, 2) / 2)


def polygon_mask(points: Points, size: tuple[int, int]) -> tuple[int, int, Field]:
    """Coverage of a polygon (n, 2), clipped to a canvas (height, width): top, left, mask (h, w) 0..1."""
    top, left, mask = _empty_mask(points, size, margin=1)
    if mask.size:
        cv2.fillPoly(mask, [_subpixel(points, top, left)], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return top, left, mask.astype(np.float32) * np.float32(1 / 255)


def line_mask(points: Points, size: tuple[int, int], thickness: float) -> tuple[int, int, Field]:
    """Coverage of an open line, as `polygon_mask`; a line thinner than a pixel becomes faint instead."""
    whole = max(1, round(thickness))
    top, left, mask = _empty_mask(points, size, margin=whole + 1)
    if mask.size:
        cv2.polylines(mask, [_subpixel(points, top, left)], False, 255, whole, cv2.LINE_AA, SUBPIXEL_BITS)
    faint = np.float32(min(1.0, max(thickness, 0.3)) / 255)
    return top, left, mask.astype(np.float32) * faint


def _subpixel(points: Points, top: int, left: int) -> NDArray[np.int32]:
    return np.asarray(np.rint((points - (left, top)) * 2**SUBPIXEL_BITS), np.int32)


def _empty_mask(points: Points, size: tuple[int, int], margin: int) -> tuple[int, int, NDArray[np.uint8]]:
    low, high = np.floor(points.min(axis=0)) - margin, np.ceil(points.max(axis=0)) + margin + 1
    top, left = max(0, int(low[1])), max(0, int(low[0]))
    bottom, right = min(size[0], int(high[1])), min(size[1], int(high[0]))
    return top, left, np.zeros((max(0, bottom - top), max(0, right - left)), np.uint8)
