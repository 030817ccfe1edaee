"""Dresses: mini to gown, sheath to ball, strapless to long sleeves."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_render import person
from fashion_render.canvas import Picture, polygon_mask
from fashion_render.fabric import Fabric, Folds, Light, dress_panel
from fashion_render.panel import Panel, View, symmetric
from fashion_render.person import Figure
from fashion_render.shirt import paint_sleeve

Array = NDArray[np.float64]

TOP_Y = 1.4  # where the panel's axis starts: the base of the neck
CUTS = ("sheath", "a-line", "flare", "mermaid", "shift")
NECKLINES = ("strapless", "straps", "tank", "halter", "crew", "vee", "boat")
SLEEVES = ("none", "cap", "short", "long", "puff")
HEMS = (4.75, 5.1, 5.6, 6.2, 6.8, 7.65, 7.8)  # mini, short, knee, midi, tea, floor


@dataclass(frozen=True)
class DressCut:
    """The pattern of one dress."""

    cut: str
    neckline: str
    sleeve: str
    hem_y: float
    hem_half: float  # half width at the hem, heads
    belt: bool
    slit: bool


def draw_cut(rng: np.random.Generator) -> DressCut:
    """Draw a pattern by lot; what no tailor sews (a strapless dress with sleeves) is left out."""
    cut = str(rng.choice(CUTS, p=(0.25, 0.3, 0.22, 0.11, 0.12)))
    hem = float(
        HEMS[rng.integers(5, 7)] if cut == "mermaid" else rng.choice(HEMS, p=(0.12, 0.2, 0.2, 0.12, 0.1, 0.16, 0.1))
    )
    if cut == "shift":
        hem = min(hem, 5.6)
    length = hem - person.HIP_Y
    spread = {"sheath": 0.0, "a-line": rng.uniform(0.14, 0.26), "flare": rng.uniform(0.3, 0.6), "shift": 0.05}
    hem_half = 0.7 + spread.get(cut, 0.0) * length + (rng.uniform(0.5, 1.1) if cut == "mermaid" else 0.0)
    if cut == "sheath":
        hem_half = rng.uniform(0.58, 0.74) if hem < 7 else rng.uniform(0.72, 0.95)
    neckline = str(rng.choice(NECKLINES, p=(0.16, 0.12, 0.22, 0.1, 0.16, 0.14, 0.1)))
    bare = neckline in ("strapless", "straps", "halter")
    sleeve = "none" if bare or rng.random() < 0.4 else str(rng.choice(SLEEVES[1:], p=(0.25, 0.3, 0.35, 0.1)))
    return DressCut(
        cut, neckline, sleeve, hem, min(hem_half, 2.3), belt=rng.random() < 0.3, slit=hem > 6.5 and rng.random() < 0.25
    )


def half_width_bounds(cut: DressCut, figure: Figure) -> float:
    """Half width of the widest place, heads."""
    return max(cut.hem_half, figure.shoulder, figure.hip)


def panel(cut: DressCut, figure: Figure, wave: float, ripples: float) -> Panel:
    """The whole dress from neck to hem as one panel."""
    ease = 0.03
    waist = figure.waist + (0.22 if cut.cut == "shift" else ease)
    hip = figure.hip + ease
    full = cut.hem_half > 1.25 * hip
    rows = [(TOP_Y, figure.shoulder * 0.97), (1.75, figure.bust + 0.06), (person.BUST_Y, figure.bust + ease)]
    rows += [(person.WAIST_Y, waist)]
    if cut.cut == "mermaid":
        rows += [(person.HIP_Y, hip), (5.7, hip * 0.66), (6.4, hip * 0.8), (cut.hem_y, cut.hem_half)]
    elif cut.cut == "flare":
        rows += [(3.35, waist + 0.55 * (cut.hem_half - waist)), (cut.hem_y, cut.hem_half)]
    elif full:
        rows += [(person.HIP_Y, hip + 0.06), (cut.hem_y, cut.hem_half)]
    else:
        rows += [(person.HIP_Y, hip), (cut.hem_y, cut.hem_half)]
    sag = 0.06 + 0.12 * (cut.hem_half - 0.6)

    def hem(u: Array) -> Array:
        return sag * (np.sqrt(1 - 0.98 * u**2) - 1) + wave * np.sin(u * ripples)

    return symmetric(TOP_Y, rows, top=lambda u: neckline_profile(cut.neckline, u), hem=hem)


def neckline_profile(neckline: str, u: Array) -> Array:
    """The top line: offset below the base of the neck, heads, at u."""
    side = np.abs(u)
    shoulder_slope = 0.2 * side
    armhole = np.interp(side, [0.6, 0.72, 0.95, 1.0], [0.0, 0.1, 0.5, 0.62])
    if neckline == "strapless":
        return 0.52 + 0.12 * np.exp(-((u / 0.16) ** 2)) - 0.1 * np.exp(-(((side - 0.5) / 0.3) ** 2)) + 0.1 * side**6
    if neckline == "straps":
        return 0.5 + 0.12 * side**6 - 0.08 * np.exp(-(((side - 0.5) / 0.25) ** 2))
    if neckline == "halter":
        return np.interp(side, [0, 0.2, 0.32, 1.0], [0.12, 0.02, 0.02, 0.66])
    depth = {"tank": 0.5, "crew": 0.14, "vee": 0.75, "boat": 0.06}[neckline]
    width = {"tank": 0.5, "crew": 0.34, "vee": 0.42, "boat": 0.66}[neckline]
    hole = np.clip(1 - side / width, 0, 1)
    dip = depth * (hole if neckline == "vee" else np.sqrt(np.minimum(1, 2 * hole)))
    outer = np.maximum(shoulder_slope, armhole) if neckline == "tank" else shoulder_slope + 0.05 * side**8
    return np.asarray(np.maximum(outer, dip))


def paint_dress(
    rng: np.random.Generator, picture: Picture, view: View, figure: Figure, cut: DressCut, fabric: Fabric, light: Light
) -> None:
    """Sew the dress onto the picture."""
    full = cut.hem_half > 1.0
    wave = rng.uniform(0.015, 0.04) if full else 0.006
    shape = panel(cut, figure, wave, ripples=rng.uniform(5, 15))
    if cut.sleeve in ("short", "long", "puff", "cap") and figure.wearer != "ghost":
        _sleeves(rng, picture, view, figure, cut, fabric, light)
    if cut.neckline == "straps":
        for side in (-1, 1):
            line = [(side * 0.4 * figure.shoulder, TOP_Y + 0.03), (side * 0.52 * figure.bust, TOP_Y + 0.55)]
            picture.stroke(view.px(line), fabric.base * np.float32(0.9), 0.07 * view.scale)
    raster = shape.raster(view, picture.size)
    hang = rng.uniform(0.5, 1.0) if full else rng.uniform(0.1, 0.5)
    folds = Folds(hang=hang, crease=rng.uniform(0.2, 0.7), count=rng.uniform(3, 9), grow=1.6)
    dress_panel(rng, picture, raster, fabric, light, folds)
    if figure.wearer == "ghost" and cut.sleeve != "none":
        _sleeves(rng, picture, view, figure, cut, fabric, light)
    _trim(rng, picture, view, figure, cut, fabric)


def _sleeves(
    rng: np.random.Generator, picture: Picture, view: View, figure: Figure, cut: DressCut, fabric: Fabric, light: Light
) -> None:
    cloth = fabric
    for arm in figure.arms:
        reach = {"cap": 0.3, "short": 0.6, "puff": 0.7, "long": 2.0}[cut.sleeve]
        width = {"cap": 0.24, "short": 0.24, "puff": 0.34, "long": 0.2}[cut.sleeve] * figure.girth
        paint_sleeve(rng, picture, view, arm, cloth, light, reach=reach, width=width)


def _trim(
    rng: np.random.Generator,
    picture: Picture,
    view: View,
    figure: Figure,
    cut: DressCut,
    fabric: Fabric,
) -> None:
    """Waist seam, belt and a slit that shows the leg."""
    half = figure.waist + 0.05
    if cut.belt:
        other = fabric.accent if rng.random() < 0.4 else fabric.base * np.float32(0.65)
        picture.fill(view.px([(-half, 2.88), (half, 2.88), (half, 3.04), (-half, 3.04)]), other, 0.9)
    elif cut.cut in ("flare", "a-line"):
        picture.stroke(view.px([(-half, 2.96), (0, 2.99), (half, 2.96)]), fabric.base * np.float32(0.5), 1.0, 0.5)
    if cut.slit and figure.solid:
        side = 1 if rng.random() < 0.5 else -1
        x = side * 0.38
        wedge = view.px([(x, 4.7), (x + side * 0.22, cut.hem_y - 0.1), (x - side * 0.06, cut.hem_y - 0.1)])
        top, left, mask = polygon_mask(wedge, picture.size)
        picture.lay(top, left, mask, figure.skin * np.float32(0.92))
