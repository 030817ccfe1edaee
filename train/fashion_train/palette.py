"""Colours by name: the cloth that carries each, in CIE Lab. Only names that stand here can be recoloured.

A data set's own colour labels are looked up here; every other name serves as a colour the model shall not name.
Lab is OpenCV's 8-bit form shifted to zero: L 0..255, a and b -128..127.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2

Rng = np.random.Generator


# Name -> sRGB samples from dark to light, as shops photograph cloth of that name.
CLOTHS: dict[str, tuple[tuple[int, int, int], ...]] = {
    "black": ((14, 14, 16), (22, 22, 25), (34, 33, 36), (45, 45, 50)),
    "white": ((238, 238, 236), (246, 246, 248), (228, 230, 232)),
    "grey": ((128, 130, 132), (150, 152, 155), (176, 178, 180)),
    "red": ((200, 16, 34), (225, 25, 40), (170, 14, 30), (215, 45, 50), (150, 18, 36), (235, 50, 45), (120, 20, 40)),
    "orange": ((245, 130, 30), (240, 150, 50), (230, 115, 20)),
    "yellow": ((245, 215, 50), (250, 225, 90), (230, 195, 30)),
    "green": (
        *((30, 120, 60), (50, 150, 70), (20, 90, 50), (90, 170, 80)),
        *((120, 190, 60), (70, 90, 40), (100, 120, 60)),
    ),
    "teal": ((20, 130, 125), (40, 160, 150)),
    "blue": (
        *((25, 60, 160), (20, 40, 130), (40, 90, 200), (70, 130, 220), (120, 160, 215)),
        *((20, 30, 90), (70, 100, 150), (50, 75, 120), (145, 175, 210)),
    ),
    "purple": ((110, 40, 140), (130, 70, 170), (90, 30, 110), (160, 110, 190), (75, 25, 85)),
    "pink": ((240, 130, 175), (245, 165, 195), (250, 190, 205), (235, 110, 165)),
    "brown": ((110, 70, 45), (90, 55, 35), (135, 95, 65), (75, 48, 35)),
    "beige": ((215, 195, 165), (225, 208, 180), (200, 180, 150)),
}
NEAR = {"teal": ("blue", "green")}  # people call the same cloth by either name
ALIASES = {"gray": "grey", "violet": "purple", "cream": "beige", "khaki": "beige", "navy": "blue"}


def known(label: str) -> str | None:
    """The name in `CLOTHS` that a label stands for, or None."""
    name = ALIASES.get(label, label)
    return name if name in CLOTHS else None


@dataclass(frozen=True)
class Dyes:
    """The colours that pictures of a label set may be given, so that what is right of them is known."""

    named: tuple[str, ...]  # labels of which each alone stands for its colour: of navy and blue neither does
    unnamed: tuple[str, ...]  # names in `CLOTHS` that no label stands for

    @classmethod
    def of(cls, labels: Collection[str], groups: Iterable[Collection[str]] = ()) -> "Dyes":
        """For labels, and those of them that exclude each other.

        Where a colour's group has a word that is not known here, such as turquoise or rot, that word may mean any
        other colour: then nothing is known to be without a label.
        """
        names = [name for label in labels if (name := known(label))]
        named = tuple(label for label in labels if (name := known(label)) and names.count(name) == 1)
        if any(len({known(label) is None for label in group}) == 2 for group in groups):
            return cls(named, ())
        taken = set(names)
        if not taken:  # its colours, if it has any, go by names that are not known here
            return cls(named, ())
        free = (name for name in CLOTHS if name not in taken and not taken.intersection(NEAR.get(name, ())))
        return cls(named, tuple(free))

    def find(self, labels: Collection[str]) -> str | None:
        """The one of a photo's labels that names its colour; None where none does, or more than one."""
        colours = [label for label in labels if known(label)]
        return colours[0] if len(colours) == 1 and colours[0] in self.named else None


def draw_shade(name: str, rng: Rng) -> NDArray[np.float32]:
    """A shade of a named cloth: (3,) float32 L, a, b, between two neighbouring samples and a little beside."""
    shades = np.array(CLOTHS[name], np.float32)
    one, other = shades[rng.integers(len(shades), size=2)]
    rgb = one + (other - one) * rng.uniform(0, 0.5) + rng.normal(0, 4, 3)
    pixel = rgb.clip(0, 255).astype(np.uint8).reshape(1, 1, 3)
    shade: NDArray[np.float32] = to_lab(pixel)[0, 0]
    return shade


def to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) uint8 RGB to float32 L 0..255, a, b around zero."""
    cv2 = load_cv2()
    lab: NDArray[np.float32] = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab -= np.array([0, 128, 128], np.float32)
    return lab
