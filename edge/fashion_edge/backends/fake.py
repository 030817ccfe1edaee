"""A backend with fixed scores after a fixed time, for tests and to measure the overhead of the benchmark."""

import time

import numpy as np
from numpy.typing import NDArray


class FakeBackend:
    """Returns the same scores for every input, after `seconds` of sleep for each; counts its runs."""

    def __init__(self, scores: list[float], input_shape: tuple[int, int, int] = (96, 96, 3), seconds: float = 0.0):
        self.name = "fake"
        self.input_shape = input_shape
        self.n_labels = len(scores)
        self.runs = 0
        self._scores = np.array(scores, np.float32)
        self._seconds = seconds

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores (n, n_labels) float32; refuses the inputs that a real runtime refuses."""
        if batch.dtype != np.uint8 or batch.shape[1:] != self.input_shape:
            raise ValueError(f"inputs are (n, {self.input_shape}) uint8, not {batch.shape} {batch.dtype}")
        if self._seconds:
            time.sleep(self._seconds * len(batch))
        self.runs += len(batch)
        return np.tile(self._scores, (len(batch), 1))
