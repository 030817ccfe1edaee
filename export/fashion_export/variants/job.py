"""What every converter gets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.preprocess import InputSpec


@dataclass(frozen=True)
class Job:
    """A Keras model, what it eats, and the calibration inputs (n, h, w, 3) uint8."""

    model: Any
    spec: InputSpec
    calibration: NDArray[np.uint8]
