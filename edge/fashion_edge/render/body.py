"""The figure that wears a garment: proportions and pose, in heads, the top of the head at 0 and the soles at 8."""

from dataclasses import dataclass

import numpy as np

from fashion_edge.render.colours import HAIR, MANNEQUIN, SHOES, SKIN, Bgr, pick

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
