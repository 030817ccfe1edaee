"""Dresses: mini to floor length, narrow to wide, strapless to long sleeves."""

from dataclasses import dataclass

import numpy as np

from fashion_render.canvas import Box, Floats, Panel, symmetric
from fashion_render.fabric import Brush, Fabric, Folds
from fashion_render.person import BUST_Y, HIP_Y, WAIST_Y, Figure
from fashion_render.shirt import paint_sleeve

TOP_Y = 1.4  # start of the panel: the base of the neck
HEMS = (4.75, 5.1, 5.6, 6.2, 6.8, 7.65, 7.8)  # mini, short, knee, midi, tea, floor
REACH = {"cap": 0.3, "short": 0.6, "long": 2.0}  # of sleeves: 1 is the elbow, 2 the wrist
NECKLINES = ("strapless", "tank", "crew", "vee")


@dataclass(frozen=True)
class Dress:
    """The pattern of one dress."""

    cut: str  # sheath, a-line, flare or shift
    neckline: str
    sleeve: str  # none, cap, short or long
    hem_y: float
    hem_half: float  # half width at the hem, heads
    belt: bool

    def box(self, figure: Figure) -> Box:
        """Left, top, right and bottom, heads."""
        wide = max(self.hem_half, figure.shoulder, figure.hip) + 0.1
        if self.sleeve == "long":
            wide = max(wide, *(abs(arm.elbow[0]) for arm in figure.arms))
        return -wide, TOP_Y, wide, self.hem_y + 0.1

    def paint(self, brush: Brush, figure: Figure, fabric: Fabric) -> None:
        """Draw the dress; without a body, the sleeves are in front of it."""
        rng, full = brush.rng, self.hem_half > 1.0
        if self.sleeve != "none" and figure.solid:
            self._paint_sleeves(brush, figure, fabric)
        shape = self._panel(figure, rng.uniform(0.015, 0.04) if full else 0.006, ripples=rng.uniform(5, 15))
        hang = rng.uniform(0.5, 1.0) if full else rng.uniform(0.1, 0.5)
        brush.cloth(shape, fabric, Folds(hang, crease=rng.uniform(0.2, 0.7), count=rng.uniform(3, 9), grow=1.6))
        if self.sleeve != "none" and not figure.solid:
            self._paint_sleeves(brush, figure, fabric)
        half = figure.waist + 0.05
        if self.belt:
            colour = fabric.accent if rng.random() < 0.4 else fabric.base * 0.65
            brush.fill([(-half, 2.88), (half, 2.88), (half, 3.04), (-half, 3.04)], colour, 0.9)
        elif self.cut in ("flare", "a-line"):
            brush.stroke([(-half, 2.96), (0, 2.99), (half, 2.96)], fabric.base * 0.5, 0.03, 0.5)

    def _paint_sleeves(self, brush: Brush, figure: Figure, fabric: Fabric) -> None:
        width = (0.2 if self.sleeve == "long" else 0.24) * figure.girth
        for arm in figure.arms:
            paint_sleeve(brush, arm, fabric, reach=REACH[self.sleeve], width=width)

    def _panel(self, figure: Figure, wave: float, ripples: float) -> Panel:
        """The whole dress from neck to hem as one panel."""
        waist, hip = figure.waist + (0.22 if self.cut == "shift" else 0.03), figure.hip + 0.03
        rows = [(TOP_Y, figure.shoulder * 0.97), (1.75, figure.bust + 0.06), (BUST_Y, figure.bust + 0.03)]
        rows += [(WAIST_Y, waist)]
        if self.cut == "flare":
            rows += [(3.35, waist + 0.55 * (self.hem_half - waist))]
        else:
            rows += [(HIP_Y, hip + (0.06 if self.hem_half > 1.25 * hip else 0.0))]
        rows += [(self.hem_y, self.hem_half)]
        sag = 0.06 + 0.12 * (self.hem_half - 0.6)

        def hem(u: Floats) -> Floats:
            return np.asarray(sag * (np.sqrt(1 - 0.98 * u**2) - 1) + wave * np.sin(u * ripples))

        return symmetric(rows, top=lambda u: top_line(self.neckline, u), hem=hem)


def draw_dress(rng: np.random.Generator) -> Dress:
    """Draw a random pattern; strapless dresses have no sleeves."""
    cut = str(rng.choice(("sheath", "a-line", "flare", "shift"), p=(0.29, 0.34, 0.23, 0.14)))
    hem = float(rng.choice(HEMS, p=(0.08, 0.18, 0.18, 0.14, 0.12, 0.17, 0.13)))
    if cut == "shift":
        hem = min(hem, 5.6)
    length = hem - HIP_Y
    if cut == "sheath":
        half = rng.uniform(0.58, 0.74) if hem < 7 else rng.uniform(0.72, 0.95)
    else:
        half = 0.7 + length * {"a-line": rng.uniform(0.14, 0.26), "flare": rng.uniform(0.3, 0.6), "shift": 0.05}[cut]
    neckline = str(rng.choice(NECKLINES, p=(0.3, 0.3, 0.23, 0.17)))
    bare = neckline == "strapless" or rng.random() < 0.5
    sleeve = "none" if bare else str(rng.choice(tuple(REACH), p=(0.36, 0.38, 0.26)))
    return Dress(cut, neckline, sleeve, hem, min(half, 2.3), belt=rng.random() < 0.3)


def top_line(neckline: str, u: Floats) -> Floats:
    """The upper edge: offset below the base of the neck, heads, at u."""
    side = np.abs(u)
    if neckline == "strapless":
        cups = np.exp(-(((side - 0.5) / 0.28) ** 2))
        return np.asarray(0.52 + 0.12 * np.exp(-((u / 0.16) ** 2)) - 0.1 * cups + 0.1 * side**6)
    depth, width = {"tank": (0.5, 0.5), "crew": (0.14, 0.34), "vee": (0.75, 0.42)}[neckline]
    hole = np.clip(1 - side / width, 0, 1)
    dip = depth * (hole if neckline == "vee" else np.sqrt(np.minimum(1, 2 * hole)))
    outer = 0.2 * side + 0.05 * side**8
    if neckline == "tank":
        outer = np.maximum(outer, np.interp(side, [0.6, 0.72, 0.95, 1.0], [0.0, 0.1, 0.5, 0.62]))
    return np.asarray(np.maximum(outer, dip))
