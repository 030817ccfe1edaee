"""Recolouring: give a garment another colour and keep its folds, texture and light."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2

Picture = NDArray[np.uint8]
Mask = NDArray[np.uint8]
Rng = np.random.Generator
SMALLEST, LARGEST = 0.04, 0.8  # plausible share of the picture that a garment fills
ITERATIONS = 2
PATTERN = 0.12  # share of the old cloth's variation in hue that is kept
# Name -> sRGB samples, as shops photograph cloth of that name.
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
SIMILAR = {"teal": ("blue", "green")}  # people call the same cloth by either name
ALIASES = {"gray": "grey", "violet": "purple", "cream": "beige", "khaki": "beige", "navy": "blue"}


def cloth_name(label: str) -> str | None:
    """The name in `CLOTHS` that a label means, or None."""
    name = ALIASES.get(label, label)
    return name if name in CLOTHS else None


@dataclass(frozen=True)
class Palette:
    """The colours that photos of a label set may be given so that the right labels are known."""

    named: tuple[str, ...]  # labels that are the only one for their colour: of navy and blue neither is
    unnamed: tuple[str, ...]  # names in `CLOTHS` that no label means

    @classmethod
    def of(cls, labels: Collection[str], groups: Iterable[Collection[str]] = ()) -> "Palette":
        """The colours of `labels`, of which those in one of the `groups` exclude each other.

        Where a colour's group has an unknown word, such as turquoise or rot, that word may mean any other colour: then
        no colour is known to be without a label.
        """
        names = [name for label in labels if (name := cloth_name(label))]
        named = tuple(label for label in labels if (name := cloth_name(label)) and names.count(name) == 1)
        unclear = any(len({cloth_name(label) is None for label in group}) == 2 for group in groups)
        if unclear or not names:  # without a known name, its colours, if any, have names that are unknown here
            return cls(named, ())
        return cls(named, tuple(name for name in CLOTHS if not {name, *SIMILAR.get(name, ())}.intersection(names)))

    def colour_of(self, labels: Collection[str]) -> str | None:
        """The label that names a photo's colour; None where no label does, or more than one."""
        colours = [label for label in labels if cloth_name(label)]
        return colours[0] if len(colours) == 1 and colours[0] in self.named else None


def draw_shade(name: str, rng: Rng) -> NDArray[np.float32]:
    """A shade of a named cloth: (3,) float32 L, a, b, between two samples, with a little noise."""
    shades = np.array(CLOTHS[name], np.float32)
    one, other = shades[rng.integers(len(shades), size=2)]
    rgb = one + (other - one) * rng.uniform(0, 0.5) + rng.normal(0, 4, 3)
    return to_lab(rgb.clip(0, 255).astype(np.uint8).reshape(1, 1, 3)).reshape(3)


def to_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w, 3) uint8 RGB to float32 L 0..255, a, b around zero."""
    lab: NDArray[np.float32] = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB).astype(np.float32)
    lab -= np.array([0, 128, 128], np.float32)
    return lab


def find_garment(rgb: NDArray[np.uint8], colour: str) -> Mask | None:
    """A soft mask (h, w) uint8 0..255 of the cloth of a named colour; None where nothing plausible was found.

    Pixels near a shade of the colour, in Lab, start a GrabCut, which then follows the cloth into its folds
    and away from skin of a similar colour. Source: Rother et al., "GrabCut", SIGGRAPH 2004.
    """
    seed = colour_match(rgb, colour)
    core = (seed > 0.6).astype(np.uint8)
    core = cv2.morphologyEx(core, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    if not SMALLEST / 2 <= core.mean() <= LARGEST:
        return None
    labels = np.where(seed > 0.25, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[cv2.erode(core, np.ones((3, 3), np.uint8)) > 0] = cv2.GC_FGD
    labels[seed < 0.02] = cv2.GC_BGD
    if not (labels == cv2.GC_FGD).any() or not (labels == cv2.GC_BGD).any():
        return None
    models = np.zeros((2, 1, 65))
    cv2.setRNGSeed(0)  # GrabCut starts with a k-means that draws from this thread's generator
    try:
        cv2.grabCut(rgb, labels, None, models[0], models[1], ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one kind for its colour models
        return None
    cloth = _largest_parts(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    if not SMALLEST <= cloth.mean() <= LARGEST:
        return None
    grown = cv2.dilate(cloth, np.ones((3, 3), np.uint8)) * 255
    soft: Mask = cv2.GaussianBlur(grown, (0, 0), 0.7)
    return soft


def colour_match(rgb: NDArray[np.uint8], colour: str) -> NDArray[np.float32]:
    """Similarity of each pixel to a named colour, (h, w) 0..1: by hue, or by lightness for black, grey and white."""
    lab = to_lab(rgb)
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    shades = to_lab(np.array(CLOTHS[colour], np.uint8)[None])[0]
    shade_chroma = np.hypot(shades[:, 1], shades[:, 2])
    if np.median(shade_chroma) < 12:  # black, grey, white: lightness decides
        low, high = shades[:, 0].min() - 12, shades[:, 0].max() + 18
        light = _ramp(lab[..., 0], low - 12, low) * (1 - _ramp(lab[..., 0], high, high + 25))
        return light * (1 - _ramp(chroma, 14, 26))
    hue = np.arctan2(lab[..., 2], lab[..., 1])
    shade_hue = np.arctan2(shades[:, 2], shades[:, 1])
    distance = np.abs((hue[..., None] - shade_hue + np.pi) % (2 * np.pi) - np.pi).min(axis=-1)
    near = 1 - _ramp(np.rad2deg(distance), 8, 24)
    floor = 0.3 * float(np.median(shade_chroma))
    return near * _ramp(chroma, floor * 0.4, floor)


def _ramp(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.float32]:
    """0 below `low`, 1 above `high`, linear between."""
    return ((values - low) / (high - low)).clip(0, 1).astype(np.float32)


def _largest_parts(mask: Mask) -> Mask:
    """The connected parts that have at least a tenth of the largest one's area."""
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count <= 1:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    keep = 1 + np.flatnonzero(areas >= areas.max() / 10)
    return np.isin(parts, keep).astype(np.uint8)


def recolour(picture: Picture, mask: Mask, colour: str, rng: Rng) -> Picture:
    """A copy of a picture (h, w, 3) uint8 RGB with the cloth under the mask (h, w) in a shade of a named colour.

    Every step is a lookup table or a weighted sum in OpenCV: each training picture pays for it.
    """
    left, top, width, height = cv2.boundingRect(mask)
    window = (slice(top, top + height), slice(left, left + width))
    inside, weight = picture[window], mask[window]
    lab = cv2.cvtColor(inside, cv2.COLOR_RGB2LAB)
    middle = np.median(lab[weight > 127], axis=0)
    table = cloth_table(float(middle[0]), draw_shade(colour, rng), rng)
    table[:, 1:] -= PATTERN * middle[1:]
    lightness = cv2.merge([lab[..., 0]] * 3)
    dyed = cv2.LUT(lightness, table.clip(0, 255).astype(np.uint8).reshape(256, 1, 3))
    pattern = lab.copy()
    pattern[..., 0] = 0
    dyed = cv2.cvtColor(cv2.addWeighted(dyed, 1, pattern, PATTERN, 0), cv2.COLOR_LAB2RGB)
    share = weight.astype(np.float32) / np.float32(255)
    result = picture.copy()
    result[window] = cv2.blendLinear(dyed, inside, share, 1 - share)
    return result


def cloth_table(middle: float, shade: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float64]:
    """The new colour for each lightness of the old cloth: (256, 3) L, a, b in OpenCV's 8-bit form.

    `middle` is the median lightness of the old cloth, 0..255, `shade` the new cloth's L, a, b, the last two around 0.
    """
    fold = np.arange(256) - middle
    contrast = np.clip(_contrast_range(float(shade[0])) / _contrast_range(middle), 0.35, 2.2) * rng.uniform(0.8, 1.2)
    light = (shade[0] + contrast * fold).clip(2, 252)
    share = np.sqrt((light / max(1.0, float(shade[0]))).clip(0.15, 1.6))  # shadows have less colour
    sheen = 1 - ((fold * contrast - 45) / 90).clip(0, 0.9)  # highlights have the colour of the lamp
    tint = shade[1:] * (share * sheen)[:, None] + 128
    return np.column_stack([light, tint])


def _contrast_range(lightness: float) -> float:
    """Relative contrast of cloth of this lightness: least near black, and less near white."""
    return float(min(1.0, 0.35 + lightness / 110, 0.4 + (255 - lightness) / 90))
