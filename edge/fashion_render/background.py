"""What is behind a garment: white, paper, a gradient, a wall, a street, a shelf, leaves."""

from collections.abc import Callable

import numpy as np

from fashion_edge.opencv import cv2
from fashion_render.canvas import Field, noise
from fashion_render.fabric import NEUTRAL, Bgr, Palette, any_colour, pick

# Studio paper and walls: light more often than dark.
PAPER: Palette = (
    (236, 236, 236), (222, 222, 224), (204, 206, 208), (214, 206, 194), (178, 180, 184), (226, 220, 210), (96, 96, 100),
)  # fmt: skip
LEAVES: Palette = ((70, 100, 50), (96, 120, 60), (50, 76, 44), (120, 120, 80))


def draw_background(rng: np.random.Generator, height: int, width: int, kind: str) -> Field:
    """A background (3, height, width) float32, planes B, G, R.

    Raises:
        ValueError: a kind that is not in `KINDS`.
    """
    if kind not in PAINTERS:
        raise ValueError(f"background {kind!r} is not one of {', '.join(KINDS)}")
    return PAINTERS[kind](rng, height, width)


def _sheet(colour: Bgr, height: int, width: int) -> Field:
    return np.repeat(colour.astype(np.float32), height * width).reshape(3, height, width)


def blurred(planes: Field, sigma: float) -> Field:
    """Planes (c, h, w) out of focus by so many pixels."""
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in planes])


def _white(rng: np.random.Generator, height: int, width: int) -> Field:
    return _sheet(np.full(3, rng.choice((255, 255, 255, 246))), height, width)


def _plain(rng: np.random.Generator, height: int, width: int) -> Field:
    colour = pick(rng, PAPER) if rng.random() < 0.85 else 0.5 * any_colour(rng) + 110
    return _sheet(colour, height, width)


def _gradient(rng: np.random.Generator, height: int, width: int) -> Field:
    """A paper roll of a studio: light in the middle, darker towards the corners."""
    y, x = np.linspace(0, 1, height, dtype=np.float32)[:, None], np.linspace(-1, 1, width, dtype=np.float32)
    falloff = np.exp(-(x * x + ((y - rng.uniform(0.2, 0.7)) * 2) ** 2) * rng.uniform(0.15, 0.9))
    return np.asarray(_plain(rng, height, width) * (0.62 + 0.48 * falloff))


def _wall(rng: np.random.Generator, height: int, width: int) -> Field:
    blotches = noise(rng, height, width, 5, 4) * 0.05
    rough = noise(rng, height, width, height / 3, width / 3) * 0.04
    return _plain(rng, height, width) * (1 + blotches + rough)


def _street(rng: np.random.Generator, height: int, width: int) -> Field:
    """House fronts, windows and a pavement, out of focus."""
    picture = _sheet(np.array([225, 215, 205], np.float32) * rng.uniform(0.7, 1.1), height, width)
    horizon, x = int(height * rng.uniform(0.55, 0.8)), 0
    while x < width:
        wide, top = int(width * rng.uniform(0.15, 0.4)) + 1, int(horizon * rng.uniform(0.0, 0.5))
        picture[:, top:horizon, x : x + wide] = 0.8 * any_colour(rng)[:, None, None]
        step = max(6, int(height * rng.uniform(0.06, 0.12)))
        for y in range(top + step // 2, horizon - step // 2, step):
            for left in range(x + step // 3, min(x + wide, width) - step // 3, step):
                picture[:, y : y + step // 2, left : left + step // 2] *= rng.uniform(0.4, 1.4)
        x += wide
    picture[:, horizon:] = 0.7 * pick(rng, NEUTRAL)[:, None, None]
    return blurred(picture, max(0.6, height * rng.uniform(0.002, 0.02)))


def _shelf(rng: np.random.Generator, height: int, width: int) -> Field:
    """Boards full of things, as in a shop."""
    picture = _plain(rng, height, width) * 0.6
    rows = int(rng.integers(2, 5))
    for row in range(1, rows + 1):
        bottom, x = row * height // rows, 0
        while x < width:
            wide = int(width * rng.uniform(0.04, 0.16)) + 2
            tall = int(height / rows * rng.uniform(0.3, 0.9))
            colour = any_colour(rng) * rng.uniform(0.6, 1)
            picture[:, max(0, bottom - tall) : bottom, x : x + wide - 1] = colour[:, None, None]
            x += wide
        picture[:, bottom - max(2, height // 60) : bottom] = pick(rng, NEUTRAL)[:, None, None]
    return blurred(picture, max(0.6, height * rng.uniform(0.002, 0.012)))


def _foliage(rng: np.random.Generator, height: int, width: int) -> Field:
    leaves = noise(rng, height, width, 26, 20) + noise(rng, height, width, 9, 7)
    return np.asarray(pick(rng, LEAVES)[:, None, None] * (1 + 0.33 * leaves).clip(0.2, 1.9))


QUIET: dict[str, Callable[[np.random.Generator, int, int], Field]] = {
    "white": _white, "plain": _plain, "gradient": _gradient,
}  # fmt: skip
BUSY = {"wall": _wall, "street": _street, "shelf": _shelf, "foliage": _foliage}
PAINTERS = QUIET | BUSY
KINDS = tuple(PAINTERS)
