"""Calibration photos as the TFLite converter's calibrator eats them."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import DatasetError


def feed(calibration: NDArray[np.uint8]) -> Iterator[list[NDArray[np.float32]]]:
    """The calibration inputs (n, h, w, 3) one by one, (1, h, w, 3) float32.

    Two opposite corners of the first are set to black and white: the observed range is then 0..255 whatever the
    photos, the input's scale exactly 1, and a pixel reaches the graph unrounded.

    Raises:
        DatasetError: no photo, without which there is no range.
    """
    if not len(calibration):
        raise DatasetError("int8 needs calibration photos and there is none; name some with --calibration DIR")
    for i, pixels in enumerate(calibration):
        image = pixels[None].astype(np.float32)
        if i == 0:
            image[0, 0, 0], image[0, -1, -1] = 0, 255
        yield [image]
