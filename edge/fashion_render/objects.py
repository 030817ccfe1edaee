"""Things that are no garment: bag, bottle, shoe, box, cap, umbrella, watch and more."""

from collections.abc import Callable

import numpy as np

from fashion_render.canvas import Picture, ellipse, smooth
from fashion_render.colours import SHADES, Bgr, pick
from fashion_render.fabric import Fabric, Folds, Light, dress_panel
from fashion_render.panel import Panel, View, symmetric

# Every object is drawn in a box of x -1..1, y 0..2 heads.
Painter = Callable[[np.random.Generator, Picture, View, Bgr, Light], None]


def any_colour(rng: np.random.Generator) -> Bgr:
    """A shade of a colour by lot."""
    names = tuple(SHADES)
    return pick(rng, SHADES[names[rng.integers(len(names))]])


def _solid(rng: np.random.Generator, picture: Picture, view: View, panel: Panel, colour: Bgr, light: Light) -> None:
    cloth = Fabric(colour, colour, sheen=rng.uniform(0, 0.8), texture=0.015)
    dress_panel(rng, picture, panel.raster(view, picture.size), cloth, light, Folds(crease=rng.uniform(0, 0.25)))


def _bag(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    handle = np.linspace(np.pi, 2 * np.pi, 16)
    tall = rng.uniform(0.4, 0.75)
    arc = np.stack([0.45 * np.cos(handle), 0.8 + tall * np.sin(handle)], axis=1)
    picture.stroke(view.px(arc), colour * np.float32(0.7), 0.09 * view.scale)
    rows = [(0.75, rng.uniform(0.55, 0.9)), (1.3, 0.9), (1.95, rng.uniform(0.7, 0.98))]
    _solid(rng, picture, view, symmetric(0.75, rows), colour, light)
    picture.stroke(view.px([(-0.75, 1.1), (0.75, 1.1)]), colour * np.float32(0.5), 0.03 * view.scale)
    picture.fill(view.px([(-0.1, 1.02), (0.1, 1.02), (0.1, 1.18), (-0.1, 1.18)]), np.array([90, 170, 200], np.float32))


def _bottle(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    neck, body_half = rng.uniform(0.08, 0.16), rng.uniform(0.28, 0.5)
    rows = [(0.1, neck), (0.5, neck), (0.85, body_half), (1.9, body_half), (2.0, body_half * 0.9)]
    _solid(rng, picture, view, symmetric(0.1, rows), colour, light)
    label = any_colour(rng)
    half = body_half * 0.98
    picture.fill(view.px([(-half, 1.1), (half, 1.1), (half, 1.6), (-half, 1.6)]), label, 0.9)
    picture.fill(view.px([(-neck, 0.0), (neck, 0.0), (neck, 0.2), (-neck, 0.2)]), label * np.float32(0.6))
    picture.stroke(
        view.px([(-0.6 * half, 0.9), (-0.6 * half, 1.85)]), np.full(3, 250, np.float32), 0.06 * view.scale, 0.4
    )


def _shoe(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    side = [(-0.9, 0.75), (-0.5, 0.7), (-0.3, 0.95), (0.35, 1.2), (0.9, 1.35), (0.98, 1.6), (0.0, 1.62), (-0.9, 1.6)]
    picture.fill(smooth(view.px(side), 6), colour)
    sole = [(-0.95, 1.56), (0.0, 1.6), (1.0, 1.56), (0.98, 1.72), (-0.93, 1.74)]
    picture.fill(view.px(sole), any_colour(rng) * np.float32(0.8))
    for i in range(4):
        x = -0.2 + 0.15 * i
        picture.stroke(view.px([(x, 1.0 + 0.06 * i), (x + 0.15, 1.15 + 0.05 * i)]), np.full(3, 230, np.float32), 2.0)
    del light


def _box(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    depth = rng.uniform(0.15, 0.4)
    front = [(-0.9, 0.5), (0.6, 0.5), (0.6, 1.9), (-0.9, 1.9)]
    picture.fill(view.px(front), colour)
    picture.fill(view.px([(-0.9, 0.5), (-0.9 + depth, 0.2), (0.6 + depth, 0.2), (0.6, 0.5)]), colour * np.float32(1.15))
    picture.fill(view.px([(0.6, 0.5), (0.6 + depth, 0.2), (0.6 + depth, 1.6), (0.6, 1.9)]), colour * np.float32(0.7))
    picture.fill(view.px([(-0.6, 0.9), (0.3, 0.9), (0.3, 1.3), (-0.6, 1.3)]), any_colour(rng), 0.9)
    del light


def _cap(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    dome = symmetric(0.5, [(0.5, 0.2), (0.65, 0.5), (1.0, 0.68), (1.35, 0.7)], hem=lambda u: 0.08 * (1 - u**2))
    _solid(rng, picture, view, dome, colour, light)
    brim = [(-0.7, 1.3), (0.0, 1.35), (0.7, 1.28), (1.0, 1.5), (0.3, 1.68), (-0.5, 1.6)]
    picture.fill(smooth(view.px(brim), 6), (any_colour(rng) if rng.random() < 0.3 else colour) * np.float32(0.75))
    picture.fill(view.px(ellipse((0.0, 1.0), (0.16, 0.12))), any_colour(rng))


def _umbrella(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    picture.stroke(
        view.px([(0, 0.9), (0, 1.8), (0.08, 1.93), (0.2, 1.85)]), np.array([40, 50, 60], np.float32), 0.06 * view.scale
    )
    dome = symmetric(
        0.15,
        [(0.15, 0.05), (0.3, 0.5), (0.65, 0.88), (1.0, 0.98)],
        hem=lambda u: -0.09 * np.abs(np.sin(u * 2 * np.pi)),
    )
    _solid(rng, picture, view, dome, colour, light)
    for u in (-0.5, 0.0, 0.5):
        rib = [(0.0, 0.15), (u * 0.75, 0.55), (u, 1.0)]
        picture.stroke(view.px(rib), colour * np.float32(0.6), 0.02 * view.scale)


def _watch(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    strap = symmetric(0.0, [(0.0, 0.22), (0.6, 0.3), (1.4, 0.3), (2.0, 0.22)])
    _solid(rng, picture, view, strap, colour, light)
    picture.fill(view.px(ellipse((0.0, 1.0), (0.5, 0.5))), np.array([160, 165, 170], np.float32))
    face = np.full(3, 240, np.float32) if rng.random() < 0.5 else np.full(3, 30, np.float32)
    picture.fill(view.px(ellipse((0.0, 1.0), (0.42, 0.42))), face)
    for turn in rng.uniform(0, 2 * np.pi, 2):
        tip = (0.32 * np.sin(turn), 1.0 - 0.32 * np.cos(turn))
        picture.stroke(view.px([(0.0, 1.0), tip]), 255 - face, 0.05 * view.scale)


def _mug(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    ring = ellipse((0.6, 1.15), (0.3, 0.35))
    picture.stroke(view.px(np.concatenate([ring, ring[:1]])), colour * np.float32(0.8), 0.12 * view.scale)
    sag = 0.1
    cup = symmetric(0.5, [(0.5, 0.62), (1.7, rng.uniform(0.45, 0.6))], hem=lambda u: sag * np.sqrt(1 - u**2))
    _solid(rng, picture, view, cup, colour, light)
    picture.fill(view.px(ellipse((0.0, 0.52), (0.62, 0.12))), colour * np.float32(0.5))


def _ball(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    rows = [(0.1 + 1.8 * t, 0.9 * float(np.sqrt(max(0.0, 1 - (2 * t - 1) ** 2)))) for t in np.linspace(0, 1, 9)]
    _solid(rng, picture, view, symmetric(0.1, rows), colour, light)
    for bend in (-0.5, 0.5):
        y = np.linspace(0.2, 1.8, 9)
        seam = np.stack([bend * np.sqrt(1 - ((y - 1) / 0.9) ** 2), y], axis=1)
        picture.stroke(view.px(seam), colour * np.float32(0.5), 0.04 * view.scale)


def _plant(rng: np.random.Generator, picture: Picture, view: View, colour: Bgr, light: Light) -> None:
    for turn in rng.uniform(-1.2, 1.2, 9):
        tip = (1.0 * np.sin(turn), 1.3 - 1.25 * np.cos(turn))
        bend = (0.5 * np.sin(turn) - 0.1, 1.3 - 0.6 * np.cos(turn))
        leaf = pick(rng, SHADES["green"])
        picture.fill(smooth(view.px([(0.0, 1.3), bend, tip, (bend[0] + 0.2, bend[1])]), 5), leaf)
    pot = symmetric(1.25, [(1.25, 0.5), (1.95, 0.36)])
    _solid(rng, picture, view, pot, colour, light)


PAINTERS: dict[str, Painter] = {
    "bag": _bag, "ball": _ball, "bottle": _bottle, "box": _box, "cap": _cap, "mug": _mug, "plant": _plant,
    "shoe": _shoe, "umbrella": _umbrella, "watch": _watch,
}  # fmt: skip
OBJECTS = tuple(PAINTERS)


def paint_object(rng: np.random.Generator, picture: Picture, view: View, name: str, colour: Bgr, light: Light) -> None:
    """Paint one thing in the box x -1..1, y 0..2 heads.

    Raises:
        ValueError: a name that is not in `OBJECTS`.
    """
    if name not in PAINTERS:
        raise ValueError(f"object {name!r} is not one of {', '.join(OBJECTS)}")
    PAINTERS[name](rng, picture, view, colour, light)
