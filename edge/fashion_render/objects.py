"""Objects that are not garments: bag, ball, bottle, box, mug, plant, shoe, umbrella."""

from collections.abc import Callable

import numpy as np

from fashion_render.canvas import Panel, ellipse, rectangle, smooth, symmetric
from fashion_render.fabric import SHADES, Bgr, Brush, Fabric, Folds, any_colour, pick, tone

Painter = Callable[[Brush, Bgr], None]  # draws in the box x -1..1, y 0..2 heads


def _solid(brush: Brush, panel: Panel, colour: Bgr) -> None:
    surface = Fabric(colour, colour, sheen=brush.rng.uniform(0, 0.8), texture=0.015)
    brush.cloth(panel, surface, Folds(crease=brush.rng.uniform(0, 0.25)))


def _bag(brush: Brush, colour: Bgr) -> None:
    rng, turn = brush.rng, np.linspace(np.pi, 2 * np.pi, 16)
    handle = np.stack([0.45 * np.cos(turn), 0.8 + rng.uniform(0.4, 0.75) * np.sin(turn)], axis=1)
    brush.stroke(handle, colour * 0.7, 0.09)
    _solid(brush, symmetric([(0.75, rng.uniform(0.55, 0.9)), (1.3, 0.9), (1.95, rng.uniform(0.7, 0.98))]), colour)
    brush.stroke([(-0.75, 1.1), (0.75, 1.1)], colour * 0.5, 0.03)
    brush.fill(rectangle(-0.1, 1.02, 0.1, 1.18), tone(185, -80))


def _ball(brush: Brush, colour: Bgr) -> None:
    rows = [(1 - 0.9 * float(np.cos(turn)), 0.9 * float(np.sin(turn))) for turn in np.linspace(0, np.pi, 9)]
    _solid(brush, symmetric(rows), colour)
    y = np.linspace(0.2, 1.8, 9)
    for bend in (-0.5, 0.5):
        brush.stroke(np.stack([bend * np.sqrt(1 - ((y - 1) / 0.9) ** 2), y], axis=1), colour * 0.5, 0.04)


def _bottle(brush: Brush, colour: Bgr) -> None:
    neck, body = brush.rng.uniform(0.08, 0.16), brush.rng.uniform(0.28, 0.5)
    _solid(brush, symmetric([(0.1, neck), (0.5, neck), (0.85, body), (1.9, body), (2.0, body * 0.9)]), colour)
    label = any_colour(brush.rng)
    brush.fill(rectangle(-body, 1.1, body, 1.6), label, 0.9)
    brush.fill(rectangle(-neck, 0.0, neck, 0.2), label * 0.6)
    brush.stroke([(-0.6 * body, 0.9), (-0.6 * body, 1.85)], tone(250), 0.06, 0.4)


def _box(brush: Brush, colour: Bgr) -> None:
    depth = brush.rng.uniform(0.15, 0.4)
    brush.fill(rectangle(-0.9, 0.5, 0.6, 1.9), colour)
    brush.fill([(-0.9, 0.5), (-0.9 + depth, 0.2), (0.6 + depth, 0.2), (0.6, 0.5)], colour * 1.15)
    brush.fill([(0.6, 0.5), (0.6 + depth, 0.2), (0.6 + depth, 1.6), (0.6, 1.9)], colour * 0.7)
    brush.fill(rectangle(-0.6, 0.9, 0.3, 1.3), any_colour(brush.rng), 0.9)


def _mug(brush: Brush, colour: Bgr) -> None:
    ring = ellipse((0.6, 1.15), (0.3, 0.35))
    brush.stroke(np.concatenate([ring, ring[:1]]), colour * 0.8, 0.12)
    rows = [(0.5, 0.62), (1.7, brush.rng.uniform(0.45, 0.6))]
    _solid(brush, symmetric(rows, hem=lambda u: 0.1 * np.sqrt(1 - u**2)), colour)
    brush.fill(ellipse((0.0, 0.52), (0.62, 0.12)), colour * 0.5)


def _plant(brush: Brush, colour: Bgr) -> None:
    for turn in brush.rng.uniform(-1.2, 1.2, 9):
        sine, cosine = np.sin(turn), np.cos(turn)
        bend = (0.5 * sine - 0.1, 1.3 - 0.6 * cosine)
        leaf = [(0.0, 1.3), bend, (sine, 1.3 - 1.25 * cosine), (bend[0] + 0.2, bend[1])]
        brush.fill(smooth(leaf), pick(brush.rng, SHADES["green"]))
    _solid(brush, symmetric([(1.25, 0.5), (1.95, 0.36)]), colour)


def _shoe(brush: Brush, colour: Bgr) -> None:
    side = [(-0.9, 0.75), (-0.5, 0.7), (-0.3, 0.95), (0.35, 1.2), (0.9, 1.35), (0.98, 1.6), (0.0, 1.62), (-0.9, 1.6)]
    brush.fill(smooth(side), colour)
    sole = [(-0.95, 1.56), (0.0, 1.6), (1.0, 1.56), (0.98, 1.72), (-0.93, 1.74)]
    brush.fill(sole, any_colour(brush.rng) * 0.8)
    for x in (-0.2, -0.05, 0.1, 0.25):
        brush.stroke([(x, 1.08 + 0.4 * x), (x + 0.15, 1.22 + 0.35 * x)], tone(230), 0.03)


def _umbrella(brush: Brush, colour: Bgr) -> None:
    brush.stroke([(0, 0.9), (0, 1.8), (0.08, 1.93), (0.2, 1.85)], tone(55, -15), 0.06)
    rows = [(0.15, 0.05), (0.3, 0.5), (0.65, 0.88), (1.0, 0.98)]
    _solid(brush, symmetric(rows, hem=lambda u: -0.09 * np.abs(np.sin(u * 2 * np.pi))), colour)
    for u in (-0.5, 0.0, 0.5):
        brush.stroke([(0.0, 0.15), (u * 0.75, 0.55), (u, 1.0)], colour * 0.6, 0.02)


PAINTERS: dict[str, Painter] = {
    "bag": _bag, "ball": _ball, "bottle": _bottle, "box": _box, "mug": _mug, "plant": _plant,
    "shoe": _shoe, "umbrella": _umbrella,
}  # fmt: skip
OBJECTS = tuple(PAINTERS)


def paint_object(brush: Brush, name: str) -> None:
    """Draw one object of a random colour in the box x -1..1, y 0..2 heads.

    Raises:
        ValueError: a name that is not in `OBJECTS`.
    """
    if name not in PAINTERS:
        raise ValueError(f"object {name!r} is not one of {', '.join(OBJECTS)}")
    PAINTERS[name](brush, any_colour(brush.rng))
