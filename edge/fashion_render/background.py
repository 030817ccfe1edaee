"""What stands behind: a shop's white, a studio's gradient, a wall, a street, a shelf, leaves."""

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_render import canvas
from fashion_render.colours import NEUTRAL, PAPER, SHADES, pick

Field = NDArray[np.float32]

KINDS = ("white", "plain", "gradient", "wall", "floor", "street", "shelf", "foliage", "planks", "blobs")
QUIET = ("white", "plain", "gradient")
BUSY = tuple(kind for kind in KINDS if kind not in QUIET)


def draw_background(rng: np.random.Generator, height: int, width: int, kind: str) -> Field:
    """A background (3, height, width) float32, planes B, G, R.

    Raises:
        ValueError: a kind that is not in `KINDS`.
    """
    if kind not in KINDS:
        raise ValueError(f"background {kind!r} is not one of {', '.join(KINDS)}")
    if kind == "white":
        return np.full((3, height, width), rng.choice((255, 255, 255, 246)), np.float32)
    painter = {"plain": _plain, "gradient": _gradient, "wall": _wall, "floor": _floor, "street": _street,
               "shelf": _shelf, "foliage": _foliage, "planks": _planks, "blobs": _blobs}[kind]  # fmt: skip
    return painter(rng, height, width)


def _any_colour(rng: np.random.Generator) -> Field:
    names = tuple(SHADES)
    palette = SHADES[names[rng.integers(len(names))]] if rng.random() < 0.4 else NEUTRAL
    return pick(rng, palette)


def blurred(planes: Field, sigma: float) -> Field:
    """Planes (c, h, w) out of focus by so many pixels."""
    return np.stack([cv2.GaussianBlur(plane, (0, 0), sigma) for plane in planes])


def _plain(rng: np.random.Generator, height: int, width: int) -> Field:
    colour = pick(rng, PAPER) if rng.random() < 0.85 else 0.5 * _any_colour(rng) + 110
    return _sheet(colour, height, width)


def _sheet(colour: Field, height: int, width: int) -> Field:
    return np.repeat(np.float32(colour), height * width).reshape(3, height, width)


def _gradient(rng: np.random.Generator, height: int, width: int) -> Field:
    """A studio's paper roll: lit in the middle or from above, falling off to the corners."""
    picture = _plain(rng, height, width)
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :]
    centre = np.float32(rng.uniform(0.2, 0.7))
    falloff = np.exp(-((x * x) + ((y - centre) * 2) ** 2) * np.float32(rng.uniform(0.15, 0.9)))
    return picture * (np.float32(0.62) + np.float32(0.48) * falloff)


def _wall(rng: np.random.Generator, height: int, width: int) -> Field:
    picture = _plain(rng, height, width)
    blotches = canvas.field(rng, height, width, 5, 4) * np.float32(0.05)
    rough = canvas.field(rng, height, width, height / 3, width / 3) * np.float32(0.04)
    picture *= 1 + blotches + rough
    if rng.random() < 0.4:
        _bricks(rng, picture)
    return picture


def _bricks(rng: np.random.Generator, picture: Field) -> None:
    height, width = picture.shape[1:]
    course, long = height / rng.uniform(14, 26), width / rng.uniform(4, 8)
    row = np.arange(height) // course
    joint = (np.arange(height) % course < 0.1 * course)[:, None]
    shifted = np.arange(width)[None, :] + (row[:, None] % 2) * long / 2
    joint = joint | (shifted % long < 0.05 * long)
    picture *= np.where(joint, np.float32(rng.uniform(0.7, 1.15)), np.float32(1))


def _floor(rng: np.random.Generator, height: int, width: int) -> Field:
    """A wall above, a floor below, a soft line between."""
    picture = _wall(rng, height, width)
    split = int(height * rng.uniform(0.6, 0.92))
    nearer = np.linspace(0.7, 1, height - split, dtype=np.float32)[:, None]
    picture[:, split:] = pick(rng, NEUTRAL)[:, None, None] * nearer
    return picture


def _street(rng: np.random.Generator, height: int, width: int) -> Field:
    """House fronts, windows and a pavement, out of focus."""
    sky = np.array([225, 215, 205], np.float32) * np.float32(rng.uniform(0.7, 1.1))
    picture = _sheet(sky, height, width)
    horizon = int(height * rng.uniform(0.55, 0.8))
    x = 0
    while x < width:
        wide = int(width * rng.uniform(0.15, 0.4)) + 1
        top = int(horizon * rng.uniform(0.0, 0.5))
        picture[:, top:horizon, x : x + wide] = 0.8 * _any_colour(rng)[:, None, None]
        step = max(6, int(height * rng.uniform(0.06, 0.12)))
        for y in range(top + step // 2, horizon - step // 2, step):
            for across in range(x + step // 3, min(x + wide, width) - step // 3, step):
                picture[:, y : y + step // 2, across : across + step // 2] *= np.float32(rng.uniform(0.4, 1.4))
        x += wide
    picture[:, horizon:] = 0.7 * pick(rng, NEUTRAL)[:, None, None]
    picture *= 1 + canvas.field(rng, height, width, 30, 30) * np.float32(0.06)
    return blurred(picture, max(0.6, height * rng.uniform(0.002, 0.02)))


def _shelf(rng: np.random.Generator, height: int, width: int) -> Field:
    """Boards full of things, as in a shop."""
    picture = _plain(rng, height, width) * np.float32(0.6)
    rows = int(rng.integers(2, 5))
    for row in range(rows):
        bottom = int((row + 1) * height / rows)
        x = 0
        while x < width:
            wide = int(width * rng.uniform(0.04, 0.16)) + 2
            tall = int(height / rows * rng.uniform(0.3, 0.9))
            colour = _any_colour(rng) * np.float32(rng.uniform(0.6, 1))
            picture[:, max(0, bottom - tall) : bottom, x : x + wide - 1] = colour[:, None, None]
            x += wide
        picture[:, bottom - max(2, height // 60) : bottom] = pick(rng, NEUTRAL)[:, None, None]
    return blurred(picture, max(0.6, height * rng.uniform(0.002, 0.012)))


def _foliage(rng: np.random.Generator, height: int, width: int) -> Field:
    leaves = canvas.field(rng, height, width, 26, 20) + canvas.field(rng, height, width, 9, 7)
    green = pick(rng, ((70, 100, 50), (96, 120, 60), (50, 76, 44), (120, 120, 80)))
    return green[:, None, None] * (1 + np.float32(0.33) * leaves).clip(0.2, 1.9)  # type: ignore[no-any-return]


def _planks(rng: np.random.Generator, height: int, width: int) -> Field:
    """Wooden boards, upright or lying."""
    wood = pick(rng, ((190, 160, 120), (140, 104, 70), (210, 200, 186), (90, 66, 48)))
    long = canvas.field(rng, height, width, height / 3, 3) * np.float32(0.07)
    boards = int(rng.integers(5, 14))
    board = np.arange(height) * boards // height
    tone = rng.uniform(0.85, 1.1, boards).astype(np.float32)[board]
    tone[1:][np.diff(board) > 0] = 0.55
    picture = wood[:, None, None] * (tone[:, None] * (1 + long))
    if rng.random() < 0.5:
        picture = np.stack([cv2.resize(plane.T.copy(), (width, height)) for plane in picture])
    return picture


def _blobs(rng: np.random.Generator, height: int, width: int) -> Field:
    """Lights and colours far out of focus."""
    picture = np.stack([canvas.field(rng, height, width, 5, 4) for _ in range(3)]) * np.float32(26)
    common = canvas.field(rng, height, width, 6, 5) * np.float32(34)
    return (picture + common + _any_colour(rng)[:, None, None]).clip(0, 255)
