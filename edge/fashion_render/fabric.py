"""Cloth: its dye, weave, print and sheen, and how light falls on it."""

from dataclasses import dataclass, replace

import numpy as np

from fashion_render import canvas
from fashion_render.canvas import Picture, PictureField, Raster
from fashion_render.colours import Bgr

GREY = np.array([0.114, 0.587, 0.299], np.float32)  # luminance of B, G, R


@dataclass(frozen=True)
class Light:
    """Where the light stands and how hard it is."""

    side: float = -0.4  # -1 from the left .. 1 from the right
    ambient: float = 0.6  # share of light that reaches every point


@dataclass(frozen=True)
class Fabric:
    """One cloth."""

    base: Bgr
    accent: Bgr
    print: str = "plain"  # or dots, stripes, pinstripes, check, floral, lace, denim
    sheen: float = 0.1  # 0 matt .. 1 satin
    texture: float = 0.02  # contrast of the weave
    period: float = 0.25  # of the print, in heads

    def plain(self) -> "Fabric":
        """The same cloth without its print."""
        return replace(self, print="plain")


@dataclass(frozen=True)
class Folds:
    """How strongly cloth folds; each 0 (none) .. 1 (deep)."""

    hang: float = 0.0  # straight down, fanning out with the panel
    crease: float = 0.0  # slanted, as on a torso
    cross: float = 0.0  # across, as at a knee
    count: float = 5.0  # hanging folds from edge to edge
    grow: float = 1.0  # hanging folds grow with v to this power


def form(raster: Raster, light: Light, roundness: float = 1.0) -> PictureField:
    """Light on a round body: about 1 where it faces the light, `light.ambient` where it turns away."""
    u = raster.u * np.float32(0.97)
    facing = np.sqrt(1 - u * u) * np.float32(np.sqrt(1 - 0.5 * light.side**2)) + u * np.float32(0.7 * light.side)
    shade = np.float32(light.ambient) + np.float32(1 - light.ambient) * facing
    return np.asarray(1 + np.float32(roundness) * (shade - 1))


def folded(rng: np.random.Generator, raster: Raster, folds: Folds) -> PictureField:
    """Contrast of the folds, zero mean, about -0.4..0.4."""
    relief = np.zeros_like(raster.mask)
    if folds.hang:
        ridges = canvas.folds(rng, raster.u, raster.v, angle=rng.uniform(-0.05, 0.05), frequency=folds.count, stretch=8)
        relief += ridges * np.float32(0.34 * folds.hang) * np.power(raster.v.clip(0, 1), np.float32(folds.grow))
    across, along = raster.across, raster.along
    if folds.crease:
        for angle in (rng.uniform(0.4, 1.1), -rng.uniform(0.4, 1.1)):
            ridges = canvas.folds(rng, across, along, angle=angle, frequency=rng.uniform(1.6, 3.0), stretch=4)
            relief += ridges * np.float32(0.09 * folds.crease)
            fine = canvas.folds(rng, across, along, angle=angle, frequency=rng.uniform(4.0, 6.0), stretch=5)
            relief += fine * np.maximum(0, ridges) * np.float32(0.12 * folds.crease)
    if folds.cross:
        ridges = canvas.folds(rng, across, along, angle=rng.uniform(1.2, 1.9), frequency=rng.uniform(3, 5), stretch=4)
        relief += ridges * np.float32(0.2 * folds.cross)
    return relief


def tint(
    rng: np.random.Generator, fabric: Fabric, raster: Raster, shade: PictureField, relief: PictureField
) -> PictureField:
    """Colour (3, h, w) of the cloth under a shade (1 is full light) and the relief of its folds."""
    colour = _dyed(rng, fabric, raster)
    lit = (shade * (1 + relief)).clip(0.12, 1.5)
    if fabric.texture:
        lit = lit * (1 + np.float32(fabric.texture) * canvas.grain(rng, *raster.mask.shape))
    gloss = np.maximum(0, relief + (shade - np.float32(0.75)) * np.float32(0.3)) * np.float32(fabric.sheen * 160)
    return colour * lit + gloss  # type: ignore[no-any-return]


def dress_panel(
    rng: np.random.Generator,
    picture: Picture,
    raster: Raster,
    fabric: Fabric,
    light: Light,
    folds: Folds,
    roundness: float = 1.0,
) -> PictureField:
    """Lay a panel of cloth on the picture; returns its shade with relief, (h, w), for what is sewn on it."""
    if not raster.mask.size:
        return raster.mask
    shade = form(raster, light, roundness)
    relief = folded(rng, raster, folds)
    mask = raster.mask
    if fabric.print == "lace":
        holes = canvas.folds(rng, raster.across, raster.along, angle=0.6, frequency=14, stretch=1)
        mask = mask * (np.float32(0.78) + np.float32(0.22) * np.sign(holes))
    picture.lay(raster.top, raster.left, mask, tint(rng, fabric, raster, shade, relief))
    return shade * (1 + relief)


def _dyed(rng: np.random.Generator, fabric: Fabric, raster: Raster) -> PictureField:
    """Base or accent colour: (3, 1, 1) where plain, else (3, h, w)."""
    if fabric.print in ("plain", "lace"):
        return fabric.base[:, None, None]
    share = _print_share(rng, fabric, raster)
    return fabric.base[:, None, None] + share * (fabric.accent - fabric.base)[:, None, None]


def _print_share(rng: np.random.Generator, fabric: Fabric, raster: Raster) -> PictureField:
    """How much of each pixel (h, w) the accent takes, 0..1."""
    x, y = raster.across / np.float32(fabric.period), raster.along / np.float32(fabric.period)
    turn = np.float32(2 * np.pi)
    if fabric.print == "dots":
        stagger = np.float32(0.5) * (np.floor(y) % 2)
        away = np.hypot((x + stagger) % 1 - np.float32(0.5), y % 1 - np.float32(0.5))
        return ((np.float32(0.27) - away) * 12).clip(0, 1)  # type: ignore[no-any-return]
    if fabric.print == "stripes":
        return (np.sin(turn * (y + 0 * x)) * 4 - 1).clip(0, 1)
    if fabric.print == "pinstripes":
        return (np.sin(turn * 2 * (x + 0 * y)) * 4 - 3).clip(0, 1)
    if fabric.print == "check":
        bars = (np.sin(turn * x) * 4).clip(0, 1) + (np.sin(turn * y) * 4).clip(0, 1)
        return bars * np.float32(0.45)  # type: ignore[no-any-return]
    if fabric.print == "denim":
        streaks = canvas.folds(rng, raster.across, raster.along, angle=0.0, frequency=26, stretch=14)
        return (np.float32(0.16) + np.float32(0.16) * streaks).clip(0, 1)
    spots = canvas.folds(rng, x, y, angle=0.5, frequency=1.6, stretch=1.0)
    return ((spots - np.float32(0.66)) * 6).clip(0, 1)
