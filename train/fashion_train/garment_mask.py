"""Where the garment is: the pixels that carry the labelled colour, grown to the cloth they belong to."""

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_train.palette import CLOTHS, to_lab

Mask = NDArray[np.uint8]

SMALLEST, LARGEST = 0.04, 0.8  # share of the picture a garment may fill to be believed
_ITERATIONS = 2


def find_garment(rgb: NDArray[np.uint8], colour: str) -> Mask | None:
    """A soft mask (h, w) uint8 0..255 of the cloth of a named colour; None where nothing believable was found.

    Pixels near a shade of the colour, in Lab, start a GrabCut, which then follows the cloth into its folds
    and away from skin of a like colour. Source: Rother et al., "GrabCut", SIGGRAPH 2004.
    """
    cv2 = load_cv2()
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
        cv2.grabCut(rgb, labels, None, models[0], models[1], _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too few pixels of one kind for its colour models
        return None
    cloth = _largest_parts(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8))
    if not SMALLEST <= cloth.mean() <= LARGEST:
        return None
    grown = cv2.dilate(cloth, np.ones((3, 3), np.uint8)) * 255
    soft: Mask = cv2.GaussianBlur(grown, (0, 0), 0.7)
    return soft


def colour_match(rgb: NDArray[np.uint8], colour: str) -> NDArray[np.float32]:
    """How like a named colour each pixel is, (h, w) 0..1: hue for colours, darkness for black, and so on."""
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
    """0 below `low`, 1 above `high`, straight between."""
    return ((values - low) / (high - low)).clip(0, 1).astype(np.float32)


def _largest_parts(mask: Mask) -> Mask:
    """Without specks: connected parts of at least a tenth of the largest."""
    cv2 = load_cv2()
    count, parts, stats, _ = cv2.connectedComponentsWithStats(mask)
    if count <= 1:
        return mask
    areas = stats[1:, cv2.CC_STAT_AREA]
    keep = 1 + np.flatnonzero(areas >= areas.max() / 10)
    return np.isin(parts, keep).astype(np.uint8)
