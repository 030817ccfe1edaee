"""Shirts: T-shirts, polo shirts and buttoned shirts, on a body, empty, or laid flat."""

from dataclasses import dataclass

import numpy as np

from fashion_render.canvas import Box, Floats, Joint, Panel, ellipse, symmetric, tube
from fashion_render.fabric import Brush, Fabric, Folds, tone
from fashion_render.person import Arm, Figure

TOP_Y = 1.4  # start of the panel: the base of the neck
NECK_HOLES = {"tee": (0.2, 0.34), "vee": (0.5, 0.32), "polo": (0.12, 0.28), "button": (0.1, 0.28)}  # depth, half width
LONG_SLEEVES = {"tee": 0.12, "vee": 0.15, "polo": 0.06, "button": 0.8}  # share of each kind


def paint_sleeve(brush: Brush, arm: Arm, fabric: Fabric, *, reach: float, width: float, flare: float = 1.0) -> None:
    """Draw a sleeve: `reach` 0 ends at the shoulder, 1 at the elbow, 2 at the wrist; `width` is half, in heads."""
    folds = Folds(crease=0.9, cross=0.5 if reach > 1 else 0.2)
    end = width * flare
    if reach <= 1:
        stop = _between(arm.shoulder, arm.elbow, reach)
        upper = tube(arm.shoulder, stop, (width * 0.66, width * 0.96, end), cap=0.4, hem_cap=0.0)
        brush.cloth(upper, fabric, folds)
        return
    stop = _between(arm.elbow, arm.wrist, reach - 1)
    lower = tube(arm.elbow, stop, (width * 0.82, width * 0.75, end * 0.62), cap=0.45, hem_cap=0.0)
    brush.cloth(lower, fabric, folds)
    upper = tube(arm.shoulder, arm.elbow, (width * 0.66, width * 0.95, width * 0.82), cap=0.4)
    brush.cloth(upper, fabric, folds)


def _between(start: Joint, end: Joint, share: float) -> Joint:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


@dataclass(frozen=True)
class Shirt:
    """The pattern of one shirt."""

    kind: str  # tee, vee, polo or button
    long: bool  # sleeves
    hem_y: float
    ease: float  # added to the half width of the body, heads
    badge: float = 0.0  # radius of a print on the chest, heads

    def box(self, figure: Figure) -> Box:
        """Left, top, right and bottom, heads."""
        low = self.hem_y
        if self.long:
            tips = [abs(arm.wrist[0]) for arm in figure.arms]
            low = max(low, *(arm.wrist[1] for arm in figure.arms))
        else:
            tips = [abs(0.3 * arm.shoulder[0] + 0.7 * arm.elbow[0]) for arm in figure.arms]
        wide = max(*tips, figure.shoulder) + 0.25
        return -wide, 1.25, wide, low + 0.1

    def paint(self, brush: Brush, figure: Figure, fabric: Fabric) -> None:
        """Draw the shirt."""
        rng = brush.rng
        if not figure.solid and not figure.back:  # the neck hole shows the inside of the back
            deep = 0.38 if self.kind == "vee" else 0.22
            brush.fill(ellipse((0.0, TOP_Y + 0.02), (0.35 * figure.shoulder, deep)), fabric.base * 0.55)
        reach = rng.uniform(1.85, 2.0) if self.long else rng.uniform(0.55, 0.8)
        width = (0.24 + 0.4 * self.ease) * figure.girth**0.5
        for arm in figure.arms:
            flare = 0.78 if self.long else rng.uniform(0.95, 1.1)
            paint_sleeve(brush, arm, fabric, reach=reach, width=width, flare=flare)
        folds = Folds(crease=rng.uniform(0.3, 1.0), hang=rng.uniform(0.0, 0.25), count=3)
        brush.cloth(self._torso(figure), fabric, folds, roundness=0.85 if figure.solid else rng.uniform(0.3, 0.8))
        self._paint_seams(brush, figure, fabric)
        if not figure.back and self.kind in ("polo", "button"):
            self._paint_front(brush, figure, fabric)
        if not figure.back and self.badge:
            brush.fill(ellipse((0.0, 2.35), (self.badge, self.badge)), fabric.accent, 0.85)

    def _torso(self, figure: Figure) -> Panel:
        """From the base of the neck to the hem."""
        rows = [(TOP_Y, figure.shoulder), (1.7, figure.shoulder + 0.02), (2.15, figure.bust + self.ease)]
        rows += [(2.95, figure.waist + 1.1 * self.ease + 0.03)]
        rows += [(self.hem_y, max(figure.hip, figure.waist + 0.04) + self.ease * 0.7)]
        rounded = 0.22 if self.kind == "button" else 0.04

        def hem(u: Floats) -> Floats:
            return np.asarray(rounded * (np.cos(u * 2.9) - 1) / 2 + 0.02 * np.sin(9 * u))

        return symmetric(rows, top=lambda u: top_line(self.kind, figure.back, u), hem=hem)

    def _paint_seams(self, brush: Brush, figure: Figure, fabric: Fabric) -> None:
        """Armholes and the neckband."""
        dark, edge = fabric.base * 0.6, figure.shoulder - 0.03
        for side in (-1, 1):
            armhole = [(edge, 1.62), (edge - 0.07, 1.85), (figure.bust + self.ease * 0.7, 2.25)]
            brush.stroke([(side * x, y) for x, y in armhole], dark, 0.025, 0.5)
        if self.kind in ("tee", "vee"):
            u = np.linspace(-0.36, 0.36, 15)
            band = np.stack([u * figure.shoulder, TOP_Y + top_line(self.kind, figure.back, u) + 0.03], axis=1)
            brush.stroke(band, fabric.base * 0.82, 0.07, 0.9)

    def _paint_front(self, brush: Brush, figure: Figure, fabric: Fabric) -> None:
        """Placket, buttons and a collar of two leaves with dark edges."""
        rng, polo = brush.rng, self.kind == "polo"
        low = 2.15 if polo else self.hem_y - 0.05
        for x in (-0.06, 0.07):
            brush.stroke([(x, 1.5), (x, low)], fabric.base * 0.58, 0.025, 0.55)
        button = tone(228) if rng.random() < 0.6 else fabric.base * 0.58
        for y in np.arange(1.68, low, 0.2 if polo else 0.38).tolist():
            brush.fill(ellipse((0.005, y), (0.028, 0.028), 8), button)
        spread, drop, wide = rng.uniform(0.26, 0.36), rng.uniform(0.24, 0.34), 0.27 * max(figure.shoulder, 0.8)
        for side in (-1, 1):
            corners = [(0.02, 1.5), (wide, 1.3), (wide + 0.07, 1.42), (spread, 1.42 + drop)]
            leaf = np.array(corners) * (side, 1)
            brush.fill(leaf, fabric.base * 1.04)
            brush.stroke(leaf[[0, 3, 2]], fabric.base * 0.5, 0.03, 0.7)


def draw_shirt(rng: np.random.Generator, figure: Figure) -> Shirt:
    """Draw a random pattern."""
    kind = str(rng.choice(tuple(NECK_HOLES), p=(0.42, 0.08, 0.2, 0.3)))
    return Shirt(
        kind=kind,
        long=rng.random() < LONG_SLEEVES[kind],
        hem_y=rng.uniform(3.95, 4.6) - (0.3 if figure.woman else 0.0),
        ease=rng.uniform(0.06, 0.2) if figure.solid else rng.uniform(0.1, 0.26),
        badge=rng.uniform(0.15, 0.38) if kind in ("tee", "vee") and rng.random() < 0.25 else 0.0,
    )


def top_line(kind: str, back: bool, u: Floats) -> Floats:
    """The upper edge: offset below the base of the neck, heads, at u."""
    side = np.abs(u)
    slope = 0.17 * np.maximum(0, side - 0.28) / 0.72 + 0.06 * side**10
    depth, width = NECK_HOLES[kind]
    hole = np.clip(1 - side / width, 0, 1)
    shape = hole if kind == "vee" and not back else np.sqrt(np.minimum(1, 1.6 * hole))
    return np.asarray(np.maximum(slope, (0.06 if back else depth) * shape) - 0.02)
