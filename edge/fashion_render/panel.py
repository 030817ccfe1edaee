"""A panel: cloth or skin around a straight axis, given by its width on the way down, its top line and its hem."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fashion_render.canvas import PictureField, Points, Raster, polygon_mask

Profile = Callable[[NDArray[np.float64]], NDArray[np.float64]]  # u in -1..1 -> offset along the axis, in heads

SAMPLES = 40  # outline corners on each side
KNOTS = np.linspace(0, 1, 64)  # fractions of the axis at which the edges are computed
ROWS = np.linspace(0, 1, 256)  # and looked up for pixels


@dataclass(frozen=True)
class View:
    """From body coordinates (heads; x to the right, y down, the top of the head at 0) to pixels."""

    scale: float  # pixels a head
    x: float  # pixel of body x = 0
    y: float  # pixel of body y = 0
    tilt: float = 0.0  # radians

    def px(self, points: Sequence[Sequence[float]] | Points) -> Points:
        """Pixels (n, 2) of body points (n, 2)."""
        body = np.asarray(points, np.float64)
        cosine, sine = np.cos(self.tilt), np.sin(self.tilt)
        turned = body @ np.array([[cosine, sine], [-sine, cosine]])
        return np.asarray(turned * self.scale + (self.x, self.y))


@dataclass(frozen=True)
class Panel:
    """A shape around an axis, all in heads.

    At the fractions `at` of the axis (first 0, last 1) the edges stand `left` and `right` of it. `top` and `hem`
    bend the two ends: offsets along the axis as functions of u, -1 at the left edge and 1 at the right one.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    at: Sequence[float]
    left: Sequence[float]
    right: Sequence[float]
    top: Profile | None = None
    hem: Profile | None = None

    def edges(self, fraction: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Left and right edge at fractions of the axis, smoothly interpolated."""
        left, right = self._table
        return np.interp(fraction, KNOTS, left), np.interp(fraction, KNOTS, right)

    @cached_property
    def _table(self) -> NDArray[np.float64]:
        """Both edges at `KNOTS`: (2, knots)."""
        return hermite(KNOTS, self.at, np.array([self.left, self.right], np.float64))

    def length(self) -> float:
        """Of the axis, in heads."""
        return float(np.hypot(self.end[0] - self.start[0], self.end[1] - self.start[1]))

    def outline(self) -> Points:
        """Corners (n, 2) in heads, clockwise from the top left."""
        length = self.length()
        u = np.linspace(-1, 1, SAMPLES)
        top = self.top(u) if self.top else np.zeros(SAMPLES)
        hem = length + (self.hem(u) if self.hem else np.zeros(SAMPLES))
        rights, lefts = np.linspace(top[-1], hem[-1], SAMPLES), np.linspace(hem[0], top[0], SAMPLES)
        along = np.concatenate([top, rights, hem[::-1], lefts])
        side = np.concatenate([u, np.ones(SAMPLES), u[::-1], -np.ones(SAMPLES)])
        left, right = self.edges(along / length)
        across = (left + right) / 2 + side * (right - left) / 2
        return self.place(across, along)

    def place(self, across: NDArray[np.float64], along: NDArray[np.float64]) -> Points:
        """Body points (n, 2) of places given across and along the axis."""
        dx, dy = self._direction()
        return np.stack([self.start[0] + along * dx + across * dy, self.start[1] + along * dy - across * dx], axis=1)

    def raster(self, view: View, size: tuple[int, int]) -> Raster:
        """Coverage and own coordinates on a canvas (height, width)."""
        top, left, mask = polygon_mask(view.px(self.outline()), size)
        height, width = mask.shape
        start, end = view.px([self.start, self.end])
        reach = float(np.hypot(*(end - start)))
        dx, dy = (end - start) / max(reach, 1e-6)
        x = (np.arange(width, dtype=np.float32) + np.float32(left + 0.5 - start[0]))[None, :]
        y = (np.arange(height, dtype=np.float32) + np.float32(top + 0.5 - start[1]))[:, None]
        along = (x * np.float32(dx) + y * np.float32(dy)) * np.float32(1 / view.scale)
        across = (x * np.float32(dy) - y * np.float32(dx)) * np.float32(1 / view.scale)
        v = along * np.float32(1 / self.length())
        u = self._u(across, v)
        return Raster(top, left, mask, u, v, across, along)

    def _u(self, across: PictureField, v: PictureField) -> PictureField:
        left, right = self.edges(ROWS)
        at = (v * np.float32(255)).clip(0, 255).astype(np.int32)
        middle = ((left + right) / 2).astype(np.float32)[at]
        half = np.maximum((right - left) / 2, 1e-3).astype(np.float32)[at]
        return ((across - middle) / half).clip(-1, 1)

    def _direction(self) -> tuple[float, float]:
        length = max(self.length(), 1e-9)
        return (self.end[0] - self.start[0]) / length, (self.end[1] - self.start[1]) / length


def hermite(x: NDArray[np.float64], knots: Sequence[float], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Interpolate rows of values (r, k) at x (n,): (r, n), cubic and without overshoot.

    The slope at each knot is limited as Fritsch and Carlson do (1980). Outside the knots the end values hold.
    """
    at = np.asarray(knots, np.float64)
    step = at[1:] - at[:-1]
    slope = (values[:, 1:] - values[:, :-1]) / step
    before, after = slope[:, :-1], slope[:, 1:]
    both = before + after
    limited = np.where(before * after > 0, 2 * before * after / np.where(both == 0, 1, both), 0)
    tangent = np.concatenate([slope[:, :1], limited, slope[:, -1:]], axis=1)
    x = x.clip(at[0], at[-1])
    i = (np.searchsorted(at, x, side="right") - 1).clip(0, len(step) - 1)
    t = (x - at[i]) / step[i]
    low = values[:, i] * (1 + 2 * t) * (1 - t) ** 2 + tangent[:, i] * step[i] * t * (1 - t) ** 2
    high = values[:, i + 1] * t**2 * (3 - 2 * t) + tangent[:, i + 1] * step[i] * t**2 * (t - 1)
    return np.asarray(low + high)


def symmetric(start_y: float, rows: Sequence[tuple[float, float]], x: float = 0.0, **bent: Profile | None) -> Panel:
    """An upright panel from rows (y, half width); the first row's y is where the axis starts."""
    end_y = rows[-1][0]
    at = [(y - start_y) / (end_y - start_y) for y, _ in rows]
    half = [width for _, width in rows]
    return Panel((x, start_y), (x, end_y), at, [-w for w in half], half, **bent)


def limb(rows: Sequence[tuple[float, float, float]], **bent: Profile | None) -> Panel:
    """An upright panel from rows (y, centre x, half width), as a leg is."""
    first, last = rows[0][0], rows[-1][0]
    at = [(y - first) / (last - first) for y, _, _ in rows]
    left, right = [x - w for _, x, w in rows], [x + w for _, x, w in rows]
    return Panel((0.0, first), (0.0, last), at, left, right, **bent)


def tube(start: tuple[float, float], end: tuple[float, float], widths: Sequence[float], cap: float = 1.0) -> Panel:
    """A straight piece of arm or sleeve between two joints; `cap` rounds the ends (1 half circles, 0 cut straight)."""
    at = np.linspace(0, 1, len(widths))
    first, last = cap * widths[0], cap * widths[-1]
    return Panel(
        start,
        end,
        at.tolist(),
        [-w for w in widths],
        list(widths),
        top=lambda u: -first * np.sqrt(np.maximum(0, 1 - u**2)),
        hem=lambda u: last * np.sqrt(np.maximum(0, 1 - u**2)),
    )
