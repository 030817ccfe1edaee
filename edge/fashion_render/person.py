"""Paints the wearer: skin, head, hair, shoes. Clothes come from the garment modules."""

from dataclasses import dataclass

import numpy as np

from fashion_render.canvas import Picture, ellipse, smooth
from fashion_render.colours import HAIR, MANNEQUIN, SHOES, SKIN, Bgr, pick
from fashion_render.fabric import Light, form
from fashion_render.panel import Panel, View, limb, symmetric, tube

Joint = tuple[float, float]

NECK_Y, SHOULDER_Y, BUST_Y, WAIST_Y, HIP_Y, CROTCH_Y, KNEE_Y, ANKLE_Y, SOLE_Y = (
    1.36, 1.58, 2.15, 2.95, 3.75, 4.1, 5.85, 7.5, 7.85,
)  # fmt: skip
WEARERS = ("person", "mannequin", "ghost", "flat")  # ghost: worn by nobody; flat: laid out or on a hanger


@dataclass(frozen=True)
class Arm:
    """Three joints of one arm."""

    shoulder: Joint
    elbow: Joint
    wrist: Joint


@dataclass(frozen=True)
class Leg:
    """Centre x of one leg at hip, knee and ankle."""

    hip: float
    knee: float
    ankle: float


@dataclass(frozen=True)
class Figure:
    """Proportions (half widths), pose and looks of one figure."""

    wearer: str
    woman: bool
    back: bool  # seen from behind
    shoulder: float
    bust: float
    waist: float
    hip: float
    girth: float  # of arms and legs, 1 is slender
    arms: tuple[Arm, Arm]  # left and right in the picture
    legs: tuple[Leg, Leg]
    skin: Bgr
    hair: Bgr
    shoes: Bgr

    @property
    def solid(self) -> bool:
        """Whether a body shows at all."""
        return self.wearer in ("person", "mannequin")


def draw_figure(rng: np.random.Generator, wearer: str, *, woman: bool, back: bool = False) -> Figure:
    """Draw proportions and a pose by lot."""
    bulk = rng.uniform(0.92, 1.12)
    shoulder = (0.8 if woman else 0.98) * bulk
    skin = pick(rng, MANNEQUIN if wearer == "mannequin" else SKIN)
    return Figure(
        wearer=wearer,
        woman=woman,
        back=back,
        shoulder=shoulder,
        bust=(0.68 if woman else 0.82) * bulk,
        waist=(0.5 if woman else 0.7) * bulk,
        hip=0.72 * bulk,
        girth=(1.0 if woman else 1.2) * bulk,
        arms=(_arm(rng, -1, shoulder, wearer), _arm(rng, 1, shoulder, wearer)),
        legs=_legs(rng),
        skin=skin,
        hair=pick(rng, HAIR),
        shoes=pick(rng, SHOES),
    )


def _arm(rng: np.random.Generator, side: int, shoulder: float, wearer: str) -> Arm:
    joint = (side * (shoulder - 0.13), SHOULDER_Y + 0.12)
    if wearer == "flat":
        slant = rng.uniform(0.15, 0.6)
        return Arm(joint, _step(joint, side * slant, 1.45), _step(joint, side * slant, 2.75))
    pose = rng.choice(["down", "down", "out", "hip"]) if wearer == "person" else "down"
    if pose == "down":
        slant = rng.uniform(0.06, 0.2)
        elbow = _step(joint, side * slant, 1.4)
        return Arm(joint, elbow, _step(elbow, side * rng.uniform(-0.15, 0.12), 1.25))
    elbow = _step(joint, side * rng.uniform(0.3, 0.6), 1.4)
    inward = rng.uniform(-0.95, -0.6) if pose == "hip" else rng.uniform(-0.2, 0.35)
    return Arm(joint, elbow, _step(elbow, side * inward, 1.2))


def _legs(rng: np.random.Generator) -> tuple[Leg, Leg]:
    spread, bend = rng.uniform(0.04, 0.42), rng.uniform(-0.12, 0.12, 2)
    lean = rng.uniform(-0.12, 0.12)
    knees = (-0.36 - spread / 2 + bend[0] + lean / 2, 0.36 + spread / 2 + bend[1] + lean / 2)
    return (
        Leg(-0.37, knees[0], -0.34 - spread + bend[0] / 2 + lean),
        Leg(0.37, knees[1], 0.34 + spread + bend[1] / 2 + lean),
    )


def _step(start: Joint, angle: float, length: float) -> Joint:
    """A joint that far away; angle 0 is straight down, positive to the right."""
    return float(start[0] + length * np.sin(angle)), float(start[1] + length * np.cos(angle))


def paint_skin(picture: Picture, view: View, panel: Panel, colour: Bgr, light: Light) -> None:
    """Lay one smooth, rounded piece of body."""
    raster = panel.raster(view, picture.size)
    if raster.mask.size:
        picture.lay(raster.top, raster.left, raster.mask, colour[:, None, None] * form(raster, light, 0.8))


def torso_panel(figure: Figure) -> Panel:
    """Neck to hips."""
    rows = [
        (1.36, 0.24), (1.46, 0.5), (SHOULDER_Y, figure.shoulder - 0.06), (1.9, figure.bust + 0.04),
        (BUST_Y, figure.bust), (WAIST_Y, figure.waist), (HIP_Y, figure.hip), (4.15, figure.hip * 0.95),
    ]  # fmt: skip
    return symmetric(1.36, rows)


def leg_panel(leg: Leg, girth: float) -> Panel:
    """Hip to ankle."""
    x = _leg_x(leg)
    rows = [(3.8, 0.36), (4.3, 0.36), (5.1, 0.28), (5.85, 0.2), (6.3, 0.22), (7.1, 0.13), (7.6, 0.11)]
    return limb([(y, x(y), w * girth) for y, w in rows])


def _leg_x(leg: Leg) -> "Interpolate":
    return Interpolate((3.8, KNEE_Y, ANKLE_Y), (leg.hip, leg.knee, leg.ankle))


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
