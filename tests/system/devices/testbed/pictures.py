"""Rendered garments with known labels for the cameras of the testbeds."""

import numpy as np
from numpy.typing import NDArray

from fashion_render import render_photo

SEED = 11


def camera_picture(text: str, size: tuple[int, int] = (640, 480)) -> NDArray[np.uint8]:
    """A frame (height, width, 3) B, G, R of `red dress` and the like, the garment in the middle."""
    colour, garment = text.split()
    width, height = size
    photo = render_photo(np.random.default_rng(SEED), garment, colour, height, height * 3 // 4, background="white")
    frame = np.full((height, width, 3), np.median(photo[:8], axis=(0, 1)).astype(np.uint8), np.uint8)
    left = (width - photo.shape[1]) // 2
    frame[:, left : left + photo.shape[1]] = photo
    return frame
