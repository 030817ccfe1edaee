"""Paints the wearer: skin, head, hair, shoes. Clothes come from the garment modules."""

import numpy as np

from fashion_edge.render import body
from fashion_edge.render.body import Arm, Figure, Leg
from fashion_edge.render.colours import Bgr
from fashion_edge.render.fabric import Light, form
from fashion_edge.render.panel import Panel, View, limb, symmetric, tube
from fashion_edge.render.picture import Picture, ellipse, smooth


def paint_skin(picture: Picture, view: View, panel: Panel, colour: Bgr, light: Light) -> None:
    """Lay one smooth, rounded piece of body."""
    raster = panel.raster(view, picture.size)
    if raster.mask.size:
        picture.lay(raster.top, raster.left, raster.mask, colour[:, None, None] * form(raster, light, 0.8))


def torso_panel(figure: Figure) -> Panel:
    """Neck to hips."""
    rows = [
        (1.36, 0.24), (1.46, 0.5), (body.SHOULDER_Y, figure.shoulder - 0.06), (1.9, figure.bust + 0.04),
        (body.BUST_Y, figure.bust), (body.WAIST_Y, figure.waist), (body.HIP_Y, figure.hip), (4.15, figure.hip * 0.95),
    ]  # fmt: skip
    return symmetric(1.36, rows)


def leg_panel(leg: Leg, girth: float) -> Panel:
    """Hip to ankle."""
    x = _leg_x(leg)
    rows = [(3.8, 0.36), (4.3, 0.36), (5.1, 0.28), (5.85, 0.2), (6.3, 0.22), (7.1, 0.13), (7.6, 0.11)]
    return limb([(y, x(y), w * girth) for y, w in rows])


def _leg_x(leg: Leg) -> "Interpolate":
    return Interpolate((3.8, body.KNEE_Y, body.ANKLE_Y), (leg.hip, leg.knee, leg.ankle))


class Interpolate:
    """Piecewise linear, callable on one number."""

    def __init__(self, at: tuple[float, ...], values: tuple[float, ...]) -> None:
        self.at, self.values = at, values

    def __call__(self, x: float) -> float:
        """Value at x; the ends hold outside."""
        return float(np.interp(x, self.at, self.values))


def paint_body(picture: Picture, view: View, figure: Figure, light: Light) -> None:
    """Torso, neck and legs, and shoes: what lies under the clothes."""
    for leg in figure.legs:
        paint_skin(picture, view, leg_panel(leg, figure.girth), figure.skin, light)
        if figure.wearer == "person":
            paint_shoe(picture, view, leg, figure)
    paint_skin(picture, view, torso_panel(figure), figure.skin, light)
    neck = tube((0.0, 0.8), (0.0, 1.42), (0.2 * figure.girth, 0.19 * figure.girth, 0.24 * figure.girth), cap=0.3)
    paint_skin(picture, view, neck, figure.skin * np.float32(0.88), light)


def paint_shoe(picture: Picture, view: View, leg: Leg, figure: Figure) -> None:
    """A shoe seen from the front."""
    x, out = leg.ankle, 0.05 if leg.ankle > 0 else -0.05
    sole = [(x - 0.13, 7.42), (x + 0.13, 7.42), (x + 0.19 + out, 7.8), (x + out, 7.93), (x - 0.19 + out, 7.8)]
    picture.fill(smooth(view.px(sole), 5), figure.shoes)


def paint_arm(picture: Picture, view: View, arm: Arm, figure: Figure, light: Light, *, fore: bool = True) -> None:
    """An arm; with `fore`, the forearm and the hand as well."""
    girth = figure.girth
    paint_skin(
        picture, view, tube(arm.shoulder, arm.elbow, (0.13 * girth, 0.15 * girth, 0.12 * girth)), figure.skin, light
    )
    if not fore:
        return
    paint_skin(
        picture, view, tube(arm.elbow, arm.wrist, (0.12 * girth, 0.12 * girth, 0.08 * girth)), figure.skin, light
    )
    direction = np.subtract(arm.wrist, arm.elbow)
    direction = direction / max(float(np.hypot(*direction)), 1e-6)
    tip = (arm.wrist[0] + 0.3 * direction[0], arm.wrist[1] + 0.3 * direction[1])
    paint_skin(picture, view, tube(arm.wrist, tip, (0.07 * girth, 0.11 * girth, 0.06 * girth)), figure.skin, light)


def paint_hair_behind(picture: Picture, view: View, figure: Figure, length: float) -> None:
    """Long hair that falls behind the shoulders; `length` is where it ends, in heads."""
    strand = [(-0.4, 0.35), (0.0, -0.06), (0.4, 0.35), (0.46, 0.9), (0.42, length), (-0.42, length), (-0.46, 0.9)]
    picture.fill(smooth(view.px(strand), 6), figure.hair * np.float32(0.8))


def paint_head(picture: Picture, view: View, figure: Figure, light: Light) -> None:
    """Head, face and hair; a mannequin's head is smooth."""
    head = symmetric(0.0, [(0.0, 0.08), (0.12, 0.26), (0.42, 0.37), (0.7, 0.33), (0.9, 0.22), (1.0, 0.08)])
    paint_skin(picture, view, head, figure.skin, light)
    if figure.wearer == "mannequin":
        return
    if figure.back:
        picture.fill(smooth(view.px(ellipse((0.0, 0.44), (0.42, 0.52), 12)), 3), figure.hair)
        return
    dark = figure.skin * np.float32(0.45)
    for side in (-1, 1):
        picture.fill(view.px(ellipse((side * 0.15, 0.5), (0.055, 0.03), 10)), np.array([40, 36, 34], np.float32))
        picture.stroke(view.px([(side * 0.07, 0.42), (side * 0.22, 0.41)]), figure.hair, 0.03 * view.scale, 0.8)
    picture.stroke(view.px([(0.0, 0.52), (0.03, 0.66), (-0.02, 0.67)]), dark, 0.02 * view.scale, 0.4)
    lips = figure.skin * np.array([0.62, 0.5, 0.8], np.float32)
    picture.fill(view.px(ellipse((0.0, 0.79), (0.1, 0.03), 10)), lips)
    fringe = [(-0.4, 0.62), (-0.43, 0.3), (-0.25, -0.03), (0.1, -0.08), (0.36, 0.1), (0.43, 0.4), (0.39, 0.62),
              (0.33, 0.36), (0.1, 0.2), (-0.2, 0.24), (-0.33, 0.4)]  # fmt: skip
    picture.fill(smooth(view.px(fringe), 4), figure.hair)
