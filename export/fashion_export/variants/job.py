"""What every converter gets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.preprocess import InputSpec


@dataclass(frozen=True)
class Job:
    """A Keras model, what it eats, the calibration inputs (n, h, w, 3) uint8, and how the files shall look."""

    model: Any
    spec: InputSpec
    calibration: NDArray[np.uint8]
    io: str = "uint8"  # of the int8 TFLite file, both ends: uint8, int8 or float32
    any_batch: bool = False  # ONNX: batch left open instead of 1
