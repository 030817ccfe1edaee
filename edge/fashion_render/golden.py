"""The frames that a bundle carries to prove itself: few, small, without grain, always the same."""

import numpy as np
from numpy.typing import NDArray

from fashion_render.dataset import stream
from fashion_render.scene import Camera, SceneImage, render_object, render_photo

HEIGHT, WIDTH = 192, 144
COLOURS, GARMENTS = ("black", "blue", "red"), ("dress", "jeans", "shirt")
BARS = ((255, 255, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 0, 0), (0, 0, 0))
STEP = 4  # grey levels are rounded to this: unseen, and the file compresses to half
SEED = 3


def golden_frames() -> NDArray[np.uint8]:
    """Frames (12, 192, 144, 3) uint8 B, G, R.

    Nine garments (black, blue, red of each kind, in that order), a thing, an empty background, a colour-bar card:
    the card alone tells swapped channels.
    """
    plain = Camera()
    frames = [
        render_photo(
            stream(SEED, f"{colour}_{garment}", 0),
            garment,
            colour,
            HEIGHT,
            WIDTH,
            camera=plain,
            background="white",
            texture=False,
        )
        for colour in COLOURS
        for garment in GARMENTS
    ]
    frames.append(render_object(stream(SEED, "bag", 0), "bag", HEIGHT, WIDTH, camera=plain, background="white"))
    frames += [_gradient(), _bars()]
    stack = np.stack(frames).astype(np.int16)
    return np.minimum(255, (stack + STEP // 2) // STEP * STEP).astype(np.uint8)


def _gradient() -> SceneImage:
    """A studio's empty paper: lighter above, a cast from side to side."""
    y, x = np.linspace(0, 1, HEIGHT)[:, None], np.linspace(0, 1, WIDTH)[None, :]
    planes = [170 - 60 * y + 20 * x, 180 - 70 * y + 0 * x, 190 - 70 * y - 20 * x]
    return np.stack(planes, axis=2).astype(np.uint8)


def _bars() -> SceneImage:
    """Eight bars above, a grey ramp below."""
    frame = np.empty((HEIGHT, WIDTH, 3), np.uint8)
    edges = np.linspace(0, WIDTH, len(BARS) + 1).astype(int)
    for bar, left, right in zip(BARS, edges, edges[1:], strict=False):
        frame[:, left:right] = bar
    frame[HEIGHT * 3 // 4 :] = np.linspace(0, 255, WIDTH).astype(np.uint8)[None, :, None]
    return frame
