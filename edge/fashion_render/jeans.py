"""Jeans: skinny to flared, raw to bleached, with seams and pockets."""

from dataclasses import dataclass

import numpy as np

from fashion_render.canvas import Box, Field, Panel, Raster, rectangle, upright
from fashion_render.fabric import Bgr, Brush, Fabric, Folds, tone
from fashion_render.person import Figure, Leg

# Half widths, heads: thigh, knee, calf, hem.
LEG_WIDTHS = {
    "skinny": (0.35, 0.22, 0.215, 0.14),
    "straight": (0.37, 0.28, 0.265, 0.235),
    "flared": (0.36, 0.24, 0.32, 0.46),
    "baggy": (0.4, 0.34, 0.33, 0.3),
}


@dataclass(frozen=True)
class Jeans:
    """The pattern of one pair of jeans."""

    cut: str
    waist_y: float
    hem_y: float
    fade: float = 0.0  # 0 raw .. 1 strongly washed out

    def box(self, figure: Figure) -> Box:
        """Left, top, right and bottom, heads."""
        reach = max(abs(leg.ankle) for leg in figure.legs) + LEG_WIDTHS[self.cut][3]
        wide = max(figure.hip + 0.1, reach)
        return -wide, self.waist_y - 0.05, wide, self.hem_y + 0.1

    def paint(self, brush: Brush, figure: Figure, fabric: Fabric) -> None:
        """Draw the jeans; the leg at the back comes first and is darker."""
        rng = brush.rng
        panels = [self._leg(figure, leg, side) for leg, side in zip(figure.legs, (-1, 1), strict=True)]
        folds = Folds(crease=rng.uniform(0.3, 0.8), cross=rng.uniform(0.2, 0.6))
        first = int(rng.integers(2))
        for index in (first, 1 - first):
            raster, shade = brush.cloth(panels[index], fabric, folds)
            self._fade(brush, raster, fabric, shade)
            if index == first:
                brush.picture.composite(raster.top, raster.left, raster.mask * 0.12, fabric.base * 0.3)
            self._paint_seams(brush, panels[index], fabric)
        self._paint_waist(brush, figure, fabric, panels[1])

    def _leg(self, figure: Figure, leg: Leg, side: int) -> Panel:
        """One leg from waist to hem; both meet in the seam at x = 0 above the crotch."""
        thigh, knee, calf, hem = (width * figure.girth**0.7 for width in LEG_WIDTHS[self.cut])
        hip = max(figure.hip + 0.03, 0.38 + 0.36 * figure.girth)  # covers the thighs of `person`
        thigh_x, calf_x = (leg.hip + leg.knee) / 2, 0.6 * leg.knee + 0.4 * leg.ankle
        rows = [  # y, left, right
            (self.waist_y, *sorted((0.0, side * _waist(figure)))),
            (3.75, *sorted((0.0, side * hip))),
            (4.2, *sorted((side * 0.03, side * hip))),
            (5.0, *sorted((thigh_x - side * 0.82 * thigh, thigh_x + side * 0.9 * thigh))),
            (5.85, leg.knee - knee, leg.knee + knee),
            (6.5, calf_x - calf, calf_x + calf),
            (self.hem_y, leg.ankle - hem, leg.ankle + hem),
        ]
        return upright(rows, hem=lambda u: 0.05 * np.sqrt(1 - 0.98 * u**2))

    def _fade(self, brush: Brush, raster: Raster, fabric: Fabric, shade: Field) -> None:
        """Bleach the front of thighs and knees, where denim wears first."""
        if self.fade < 0.02 or not raster.mask.size:
            return
        worn = np.exp(-(((raster.v - 0.34) / 0.2) ** 2)) + 0.6 * np.exp(-(((raster.v - 0.66) / 0.1) ** 2))
        mask = (raster.mask * worn * np.exp(-((raster.u / 0.5) ** 2)) * self.fade).clip(0, 1)
        pale = 0.45 * fabric.base + 113
        brush.picture.composite(raster.top, raster.left, mask, pale[:, None, None] * shade)

    def _paint_seams(self, brush: Brush, panel: Panel, fabric: Fabric) -> None:
        along = np.linspace(0.05, 0.99, 24)
        left, right = panel.edges(along)
        for share in (0.06, 0.95):
            line = panel.place(left + share * (right - left), along * panel.length)
            brush.stroke(line, fabric.base * 0.55, 0.02, 0.5)

    def _paint_waist(self, brush: Brush, figure: Figure, fabric: Fabric, right_leg: Panel) -> None:
        """Waistband or belt; fly, button and front pockets, or back pockets."""
        rng, half, y, dark = brush.rng, _waist(figure), self.waist_y, fabric.base * 0.62
        below = float(right_leg.edges(np.array([0.15 / right_leg.length]))[1][0])  # half width under the band
        arc = np.linspace(-1, 1, 11)
        dip = (-0.03 if figure.back else 0.05) * (1 - arc**2)
        upper = np.stack([arc * half, y - 0.02 + dip], axis=1)
        lower = np.stack([arc * (below + 0.01), y + 0.15 + dip], axis=1)
        band = fabric.base * 0.92
        if rng.random() < 0.2:  # a leather belt
            band = np.array([40, 60, 90], np.float32) * rng.uniform(0.4, 1.4)
        brush.fill(np.concatenate([upper, lower[::-1]]), band, 0.95)
        brush.stroke(lower, dark, 0.025, 0.8)
        for side in (-1, 1):
            if figure.back:
                pocket = np.array(rectangle(side * 0.36 - 0.2, y + 0.5, side * 0.36 + 0.2, y + 0.95))
                brush.fill(pocket, fabric.base * 1.06, 0.5)
                brush.stroke(pocket[[0, 3, 2, 1]], dark, 0.025, 0.7)
            else:
                slant = [(side * 0.5 * half, y + 0.17), (side * 0.58 * half, y + 0.36), (side * below, y + 0.46)]
                brush.stroke(slant, dark, 0.05, 0.7)
        if not figure.back:
            brush.stroke([(0.16, y + 0.17), (0.16, y + 0.5), (0.1, y + 0.68), (0.0, y + 0.78)], dark, 0.025, 0.8)
            brush.stroke([(0.0, y + 0.15), (0.0, 4.1)], dark, 0.025, 0.7)
            brush.fill(rectangle(-0.045, y + 0.04, 0.045, y + 0.12), tone(170, -20))


def draw_jeans(rng: np.random.Generator, colour: str) -> Jeans:
    """Draw a random pattern. Only blue is washed out much; black keeps its dye."""
    cut = str(rng.choice(tuple(LEG_WIDTHS), p=(0.4, 0.38, 0.12, 0.1)))
    washed = rng.random() < (0.7 if colour == "blue" else 0.3)
    return Jeans(
        cut=cut,
        waist_y=rng.uniform(3.05, 3.35),
        hem_y=rng.uniform(7.1, 7.55) if cut in ("skinny", "straight") else rng.uniform(7.45, 7.7),
        fade=rng.uniform(0.15, 0.6 if colour == "blue" else 0.3) if washed else rng.uniform(0.0, 0.08),
    )


def _waist(figure: Figure) -> float:
    """Half width of the waistband."""
    return min(figure.waist + 0.12, figure.hip)


def denim(rng: np.random.Generator, base: Bgr) -> Fabric:
    """Twill of that dye: streaks along the leg, coarse grain, no shine."""
    dark, texture = float(base.mean()) < 60, rng.uniform(0.02, 0.06)
    return Fabric(base, 0.7 * base + 63, "plain" if dark else "denim", sheen=0.12 if dark else 0.04, texture=texture)
