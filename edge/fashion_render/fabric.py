"""Colours and cloth: dye, weave, print, sheen and folds, and how light falls on them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_render.canvas import Field, Joint, Panel, Picture, Points, Raster, View, line_mask, polygon_mask, ridges

Bgr = NDArray[np.float32]  # (3,) B, G, R, 0..255
Palette = tuple[tuple[int, int, int], ...]  # R, G, B

# Colour name -> shades. Cloth photographs duller than paint: black is never (0, 0, 0), white never 255.
SHADES: dict[str, Palette] = {
    "black": ((23, 22, 22), (33, 31, 31), (18, 17, 17), (40, 39, 38), (28, 27, 28)),
    "blue": (
        (32, 62, 178), (26, 38, 92), (28, 84, 160), (92, 150, 214), (22, 52, 120), (24, 112, 190), (60, 96, 190),
        (176, 206, 236), (60, 176, 226), (28, 30, 58), (20, 130, 236), (34, 26, 140), (120, 166, 206),
    ),
    "red": (
        (200, 24, 36), (222, 36, 40), (168, 18, 36), (236, 52, 50), (184, 26, 48), (150, 16, 32), (214, 14, 20),
        (226, 8, 20), (116, 20, 34), (206, 72, 72), (230, 24, 30),
    ),
    "green": ((34, 120, 62), (20, 84, 54), (70, 150, 70), (110, 130, 60), (26, 140, 100)),
    "white": ((236, 236, 234), (226, 228, 232), (240, 236, 226)),
    "yellow": ((240, 200, 50), (250, 222, 90), (224, 176, 30)),
    "pink": ((236, 140, 170), (244, 176, 196), (226, 88, 144)),
    "purple": ((104, 50, 130), (136, 84, 170), (82, 36, 96)),
    "orange": ((236, 120, 34), (244, 146, 60), (214, 94, 24)),
    "brown": ((104, 68, 44), (132, 92, 62), (82, 54, 40)),
    "grey": ((126, 128, 130), (156, 158, 160), (96, 98, 102)),
    "beige": ((206, 188, 160), (188, 166, 132), (222, 208, 184)),
    "turquoise": ((40, 170, 170), (70, 196, 190), (20, 140, 150)),
}  # fmt: skip
# Denim that is not simply dyed cloth: indigo from raw to bleached, black from raw to charcoal.
DENIM: dict[str, Palette] = {
    "blue": (
        (38, 54, 96), (54, 84, 136), (80, 116, 164), (116, 150, 190), (146, 176, 206), (28, 36, 66), (66, 96, 142),
    ),
    "black": ((24, 24, 25), (34, 33, 34), (20, 19, 19), (44, 43, 44)),
}  # fmt: skip
NEUTRAL: Palette = (
    (236, 236, 234), (150, 150, 152), (214, 200, 176), (112, 96, 80), (84, 84, 86), (190, 192, 196),
)  # fmt: skip
COLOURS = tuple(SHADES)


def pick(rng: np.random.Generator, palette: Palette, jitter: float = 0.06) -> Bgr:
    """One colour of a palette, each channel and the whole varied by about `jitter`; (3,) float32 B, G, R."""
    red, green, blue = palette[rng.integers(len(palette))]
    gains = 1 + jitter * (rng.uniform(-1, 1) + 0.5 * rng.uniform(-1, 1, 3))
    return (np.array([blue, green, red]) * gains).clip(8, 248).astype(np.float32)


def any_colour(rng: np.random.Generator) -> Bgr:
    """A random shade of a random colour."""
    return pick(rng, SHADES[COLOURS[rng.integers(len(COLOURS))]])


def cloth_colour(rng: np.random.Generator, colour: str, *, denim: bool = False) -> Bgr:
    """A random shade of a named colour; (3,) float32 B, G, R.

    Raises:
        ValueError: a name that is not in `COLOURS`.
    """
    if colour not in SHADES:
        raise ValueError(f"colour {colour!r} is not one of {', '.join(COLOURS)}")
    return pick(rng, DENIM.get(colour, SHADES[colour]) if denim else SHADES[colour])


def tone(level: float, blue: float = 0.0) -> Bgr:
    """A grey of that level, with more or less blue; (3,) float32 B, G, R."""
    return np.array([level + blue, level, level], np.float32)


@dataclass(frozen=True)
class Light:
    """Where the light is and how hard it is."""

    side: float = -0.4  # -1 from the left .. 1 from the right
    ambient: float = 0.6  # share of light that reaches every point


@dataclass(frozen=True)
class Fabric:
    """One kind of cloth."""

    base: Bgr
    accent: Bgr
    print: str = "plain"  # or stripes, check, floral, denim
    sheen: float = 0.1  # 0 matt .. 1 satin
    texture: float = 0.02  # contrast of the weave
    period: float = 0.25  # of the print, in heads


@dataclass(frozen=True)
class Folds:
    """How strongly cloth folds; each 0 (none) .. 1 (deep)."""

    hang: float = 0.0  # straight down, wider towards the hem
    crease: float = 0.0  # slanted, as on a torso
    cross: float = 0.0  # across, as at a knee
    count: float = 5.0  # hanging folds from edge to edge
    grow: float = 1.0  # hanging folds grow with v to this power


@dataclass(frozen=True)
class Brush:
    """Draws shapes given in heads on one picture, under one light."""

    rng: np.random.Generator
    picture: Picture
    view: View
    light: Light

    def fill(self, points: Sequence[Joint] | Points, colour: Bgr, opacity: float = 1.0) -> None:
        """Fill a polygon."""
        top, left, mask = polygon_mask(self.view.px(points), self.picture.size)
        self.picture.composite(top, left, mask * opacity, colour)

    def stroke(self, points: Sequence[Joint] | Points, colour: Bgr, width: float, opacity: float = 1.0) -> None:
        """Draw an open line of a width in heads."""
        top, left, mask = line_mask(self.view.px(points), self.picture.size, width * self.view.scale)
        self.picture.composite(top, left, mask * opacity, colour)

    def skin(self, panel: Panel, colour: Bgr) -> None:
        """Draw a smooth, rounded part of a body."""
        raster = panel.raster(self.view, self.picture.size)
        shaded = colour[:, None, None] * form(raster, self.light, 0.8)
        self.picture.composite(raster.top, raster.left, raster.mask, shaded)

    def cloth(self, panel: Panel, fabric: Fabric, folds: Folds, roundness: float = 1.0) -> tuple[Raster, Field]:
        """Draw a panel of cloth; returns its raster, and its shade with folds (h, w) for details on it."""
        raster = panel.raster(self.view, self.picture.size)
        shade, relief = form(raster, self.light, roundness), folded(self.rng, raster, folds)
        if raster.mask.size:
            dyed = tint(self.rng, fabric, raster, shade, relief)
            self.picture.composite(raster.top, raster.left, raster.mask, dyed)
        return raster, shade * (1 + relief)


def form(raster: Raster, light: Light, roundness: float = 1.0) -> Field:
    """Light on a round body: about 1 where it faces the light, `light.ambient` where it turns away."""
    u = raster.u * 0.97
    facing = np.sqrt(1 - u * u) * math.sqrt(1 - 0.5 * light.side**2) + u * (0.7 * light.side)
    shade = light.ambient + (1 - light.ambient) * facing
    return np.asarray(1 + roundness * (shade - 1))


def folded(rng: np.random.Generator, raster: Raster, folds: Folds) -> Field:
    """Contrast of the folds, zero mean, about -0.4..0.4."""
    relief = np.zeros_like(raster.mask)
    across, along = raster.across, raster.along
    if not relief.size:
        return relief
    if folds.hang:
        angle = rng.uniform(-0.05, 0.05)
        hanging = ridges(rng, raster.u, raster.v, angle=angle, frequency=folds.count, stretch=8)
        relief += hanging * (0.34 * folds.hang) * np.power(raster.v.clip(0, 1), np.float32(folds.grow))
    if folds.crease:
        for angle in (rng.uniform(0.4, 1.1), -rng.uniform(0.4, 1.1)):
            coarse = ridges(rng, across, along, angle=angle, frequency=rng.uniform(1.6, 3.0), stretch=4)
            fine = ridges(rng, across, along, angle=angle, frequency=rng.uniform(4.0, 6.0), stretch=5)
            relief += (coarse * 0.09 + fine * np.maximum(0, coarse) * 0.12) * folds.crease
    if folds.cross:
        angle, frequency = rng.uniform(1.2, 1.9), rng.uniform(3, 5)
        relief += ridges(rng, across, along, angle=angle, frequency=frequency, stretch=4) * (0.2 * folds.cross)
    return relief


def tint(rng: np.random.Generator, fabric: Fabric, raster: Raster, shade: Field, relief: Field) -> Field:
    """Colour (3, h, w) of the cloth under a shade (1 is full light) and the relief of its folds."""
    colour = fabric.base[:, None, None]
    if fabric.print != "plain":
        colour = colour + _print_share(rng, fabric, raster) * (fabric.accent - fabric.base)[:, None, None]
    lit = (shade * (1 + relief)).clip(0.12, 1.5)
    if fabric.texture:
        lit = lit * (1 + fabric.texture * rng.standard_normal(raster.mask.shape, dtype=np.float32))
    gloss = np.maximum(0, relief + (shade - 0.75) * 0.3) * (fabric.sheen * 160)
    return np.asarray(colour * lit + gloss)


def _print_share(rng: np.random.Generator, fabric: Fabric, raster: Raster) -> Field:
    """The share of the accent colour in each pixel (h, w), 0..1."""
    x, y = raster.across / fabric.period, raster.along / fabric.period
    turn = 2 * math.pi
    match fabric.print:
        case "stripes":
            share = np.sin(turn * y) * 4 - 1
        case "check":
            share = ((np.sin(turn * x) * 4).clip(0, 1) + (np.sin(turn * y) * 4).clip(0, 1)) * 0.45
        case "denim":
            share = 0.16 + 0.16 * ridges(rng, raster.across, raster.along, angle=0.0, frequency=26, stretch=14)
        case _:
            share = (ridges(rng, x, y, angle=0.5, frequency=1.6, stretch=1.0) - 0.66) * 6
    return np.asarray(share.clip(0, 1))
