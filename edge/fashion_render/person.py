"""The wearer: proportions, pose, skin, head, hair and shoes."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fashion_render.canvas import Joint, Panel, ellipse, smooth, symmetric, tube, upright
from fashion_render.fabric import Bgr, Brush, Palette, pick, tone

SHOULDER_Y, BUST_Y, WAIST_Y, HIP_Y, KNEE_Y, ANKLE_Y = 1.58, 2.15, 2.95, 3.75, 5.85, 7.5
WEARERS = ("person", "mannequin", "ghost", "flat")  # ghost: an empty garment in shape; flat: laid out or on a hanger
SKIN: Palette = ((244, 208, 180), (228, 184, 150), (206, 158, 122), (172, 120, 86), (124, 82, 58), (84, 56, 42))
HAIR: Palette = ((28, 22, 20), (58, 38, 26), (96, 62, 36), (150, 108, 60), (200, 164, 104), (120, 46, 28))
SHOES: Palette = ((24, 22, 22), (86, 56, 38), (230, 228, 224), (196, 160, 124), (60, 60, 66), (160, 24, 30))
MANNEQUIN: Palette = ((236, 232, 226), (206, 204, 202), (214, 190, 164), (196, 170, 126), (70, 70, 72))


class Arm(NamedTuple):
    """Three joints of one arm."""

    shoulder: Joint
    elbow: Joint
    wrist: Joint


class Leg(NamedTuple):
    """Centre x of one leg at three heights."""

    hip: float
    knee: float
    ankle: float


@dataclass(frozen=True)
class Figure:
    """Proportions (half widths in heads), pose and colours of one wearer."""

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
    """Draw random proportions and a pose."""
    bulk = rng.uniform(0.92, 1.12)
    shoulder = (0.8 if woman else 0.98) * bulk
    return Figure(
        wearer=wearer,
        woman=woman,
        back=back,
        shoulder=shoulder,
        bust=(0.68 if woman else 0.82) * bulk,
        waist=(0.5 if woman else 0.7) * bulk,
        hip=0.72 * bulk,
        girth=(1.0 if woman else 1.2) * bulk,
        skin=pick(rng, MANNEQUIN if wearer == "mannequin" else SKIN),
        arms=(_arm(rng, -1, shoulder, wearer), _arm(rng, 1, shoulder, wearer)),
        legs=_legs(rng),
        hair=pick(rng, HAIR),
        shoes=pick(rng, SHOES),
    )


def _arm(rng: np.random.Generator, side: int, shoulder: float, wearer: str) -> Arm:
    joint = (side * (shoulder - 0.13), SHOULDER_Y + 0.12)
    if wearer == "flat":
        slant = rng.uniform(0.15, 0.6)
        return Arm(joint, _step(joint, side * slant, 1.45), _step(joint, side * slant, 2.75))
    pose = rng.integers(4) if wearer == "person" else 0
    if pose < 2:  # down
        elbow = _step(joint, side * rng.uniform(0.06, 0.2), 1.4)
        return Arm(joint, elbow, _step(elbow, side * rng.uniform(-0.15, 0.12), 1.25))
    elbow = _step(joint, side * rng.uniform(0.3, 0.6), 1.4)
    inward = rng.uniform(-0.95, -0.6) if pose == 3 else rng.uniform(-0.2, 0.35)  # on the hip, or away
    return Arm(joint, elbow, _step(elbow, side * inward, 1.2))


def _legs(rng: np.random.Generator) -> tuple[Leg, Leg]:
    spread, lean = rng.uniform(0.04, 0.42), rng.uniform(-0.12, 0.12)
    left, right = rng.uniform(-0.12, 0.12, 2).tolist()
    return (
        Leg(-0.37, -0.36 - spread / 2 + left + lean / 2, -0.34 - spread + left / 2 + lean),
        Leg(0.37, 0.36 + spread / 2 + right + lean / 2, 0.34 + spread + right / 2 + lean),
    )


def _step(start: Joint, angle: float, length: float) -> Joint:
    """A joint that far away; angle 0 is straight down, positive to the right."""
    return float(start[0] + length * np.sin(angle)), float(start[1] + length * np.cos(angle))


def _torso(figure: Figure) -> Panel:
    """Neck to hips."""
    return symmetric([
        (1.36, 0.24), (1.46, 0.5), (SHOULDER_Y, figure.shoulder - 0.06), (1.9, figure.bust + 0.04),
        (BUST_Y, figure.bust), (WAIST_Y, figure.waist), (HIP_Y, figure.hip), (4.15, figure.hip * 0.95),
    ])  # fmt: skip


def _leg(leg: Leg, girth: float) -> Panel:
    """Hip to ankle."""
    rows = []
    for y, half in ((3.8, 0.36), (4.3, 0.36), (5.1, 0.28), (5.85, 0.2), (6.3, 0.22), (7.1, 0.13), (7.6, 0.11)):
        x = float(np.interp(y, (3.8, KNEE_Y, ANKLE_Y), (leg.hip, leg.knee, leg.ankle)))
        rows.append((y, x - half * girth, x + half * girth))
    return upright(rows)


def paint_body(brush: Brush, figure: Figure) -> None:
    """Torso, neck, legs and shoes: everything that clothes cover."""
    for leg in figure.legs:
        brush.skin(_leg(leg, figure.girth), figure.skin)
        if figure.wearer == "person":
            x, out = leg.ankle, 0.05 if leg.ankle > 0 else -0.05
            sole = [(x - 0.13, 7.42), (x + 0.13, 7.42), (x + 0.19 + out, 7.8), (x + out, 7.93), (x - 0.19 + out, 7.8)]
            brush.fill(smooth(sole), figure.shoes)
    brush.skin(_torso(figure), figure.skin)
    neck = tube((0.0, 0.8), (0.0, 1.42), [width * figure.girth for width in (0.2, 0.19, 0.24)], cap=0.3)
    brush.skin(neck, figure.skin * 0.88)


def paint_arms(brush: Brush, figure: Figure) -> None:
    """Upper arms, forearms and hands."""
    for arm in figure.arms:
        tip = np.add(arm.wrist, 0.25 * np.subtract(arm.wrist, arm.elbow))
        hand = (float(tip[0]), float(tip[1]))
        for start, end, widths in (
            (arm.shoulder, arm.elbow, (0.13, 0.15, 0.12)),
            (arm.elbow, arm.wrist, (0.12, 0.12, 0.08)),
            (arm.wrist, hand, (0.07, 0.11, 0.06)),
        ):
            brush.skin(tube(start, end, [width * figure.girth for width in widths]), figure.skin)


def paint_long_hair(brush: Brush, figure: Figure, length: float) -> None:
    """Hair over the back, down to `length` in heads."""
    strand = [(-0.4, 0.35), (0.0, -0.06), (0.4, 0.35), (0.46, 0.9), (0.42, length), (-0.42, length), (-0.46, 0.9)]
    brush.fill(smooth(strand), figure.hair * 0.8)


def paint_head(brush: Brush, figure: Figure) -> None:
    """Head, face and hair; the head of a mannequin is smooth."""
    head = symmetric([(0.0, 0.08), (0.12, 0.26), (0.42, 0.37), (0.7, 0.33), (0.9, 0.22), (1.0, 0.08)])
    brush.skin(head, figure.skin)
    if figure.wearer == "mannequin":
        return
    if figure.back:
        brush.fill(ellipse((0.0, 0.44), (0.42, 0.52)), figure.hair)
        return
    for x in (-0.15, 0.15):
        brush.fill(ellipse((x, 0.5), (0.055, 0.03), 10), tone(36))
    brush.fill(ellipse((0.0, 0.79), (0.1, 0.03), 10), figure.skin * np.array([0.62, 0.5, 0.8], np.float32))
    fringe = [(-0.4, 0.62), (-0.43, 0.3), (-0.25, -0.03), (0.1, -0.08), (0.36, 0.1), (0.43, 0.4), (0.39, 0.62),
              (0.33, 0.36), (0.1, 0.2), (-0.2, 0.24), (-0.33, 0.4)]  # fmt: skip
    brush.fill(smooth(fringe), figure.hair)
