"""The same garment in another colour: folds, texture and light stay, the cloth changes."""

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_train.palette import draw_shade

Picture = NDArray[np.uint8]
PATTERN = 0.12  # share of the old cloth's own variation in hue that is kept


def recolour(picture: Picture, mask: NDArray[np.uint8], colour: str, rng: np.random.Generator) -> Picture:
    """A copy of a picture (h, w, 3) uint8 RGB with the cloth under the mask (h, w) in a shade of a named colour.

    Every step is a table or a weighted sum in OpenCV: a millisecond saved here is saved for each training picture.
    """
    cv2 = load_cv2()
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
    """What each lightness of the old cloth becomes: (256, 3) L, a, b in OpenCV's 8-bit form.

    Args:
        middle: median lightness of the old cloth, 0..255.
        shade: the new cloth's L, a, b, the last two around zero.
        rng: varies the contrast a little.
    """
    fold = np.arange(256) - middle
    contrast = fold_contrast(middle, float(shade[0])) * rng.uniform(0.8, 1.2)
    light = (shade[0] + contrast * fold).clip(2, 252)
    share = np.sqrt((light / max(1.0, float(shade[0]))).clip(0.15, 1.6))  # shadows carry less colour
    sheen = 1 - ((fold * contrast - 45) / 90).clip(0, 0.9)  # highlights show the lamp, not the cloth
    tint = shade[1:] * (share * sheen)[:, None] + 128
    return np.column_stack([light, tint])


def fold_contrast(before: float, after: float) -> float:
    """How much the lightness of folds is stretched or flattened, from cloth of one median L to another."""
    return float(np.clip(_room(after) / _room(before), 0.35, 2.2))


def _room(lightness: float) -> float:
    """Contrast that cloth of this lightness shows: least near black, and less again near white."""
    return float(min(1.0, 0.35 + lightness / 110, 0.4 + (255 - lightness) / 90))
