"""Proof at start-up that colours come through: known ones are shown along the same way as every frame."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import ModelError
from fashion_edge.frame import Frame

SHOWN = {"red": (200, 40, 40), "green": (40, 160, 60), "blue": (40, 60, 200), "grey": (128, 128, 128)}  # R, G, B
TOLERANCE = 3  # of 255: interpolation of a flat colour, or JPEG's and video's rounding, is below

Look = Callable[[Frame], NDArray[np.uint8]]


def prove_colours(look: Look, channels: str, height: int = 480, width: int = 640) -> None:
    """Show frames of one known colour each to `look`, which gives the model's input (h, w, 3) in `channels` order.

    Raises:
        ModelError: a colour arrives as another one, or as grey.
    """
    for name, rgb in SHOWN.items():
        frame = np.empty((height, width, 3), np.uint8)
        frame[:] = rgb[::-1]
        pixels = look(Frame(frame, 0, 0.0, "colour self-test"))
        seen = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2].astype(int)
        wanted = np.array(rgb if channels == "RGB" else rgb[::-1])
        if np.abs(seen - wanted).max() > TOLERANCE:
            raise ModelError(
                f"colours do not come through: {name} {tuple(wanted.tolist())} reaches the model as "
                f"{tuple(seen.tolist())} ({_guess(seen, wanted)}); run fashion-doctor"
            )


def _guess(seen: NDArray[np.int_], wanted: NDArray[np.int_]) -> str:
    if np.abs(seen[::-1] - wanted).max() <= TOLERANCE:
        return "red and blue are swapped"
    return "the picture is grey" if np.ptp(seen) <= TOLERANCE else "another colour"
