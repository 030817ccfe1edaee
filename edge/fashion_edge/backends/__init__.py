"""Inference runtimes with one method: `run(batch) -> scores`."""

import time
from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import Bundle, Variant

__all__ = ["Backend", "FakeBackend", "load_backend", "name_runtime", "open_backend"]


class Backend(Protocol):
    """A loaded model. Not thread-safe: one backend, one thread."""

    name: str  # runtime and version, for messages and reports
    input_shape: tuple[int, int, int]  # (height, width, 3)
    n_labels: int

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores (n, n_labels) in 0..1 for inputs (n, height, width, 3) uint8, as `preprocess` makes them."""
        ...


class FakeBackend:
    """Fixed scores for every input, after `seconds` of sleep for each: for tests and the overhead of the benchmark."""

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


def open_backend(bundle: Bundle, variant: Variant, threads: int = 1) -> Backend:
    """Check the model file's hash and load it into its runtime.

    Raises:
        ModelError: missing, damaged, or refused by the runtime.
        MissingExtraError: the runtime is not installed.
    """
    return load_backend(variant.runtime, bundle.read(variant), variant.file, threads)


def load_backend(runtime: str, data: bytes, file: str, threads: int = 1) -> Backend:
    """Load the bytes of a model file into its runtime, `litert` or `onnx`; errors as for `open_backend`."""
    backend: Backend = import_module(f"{__name__}.{runtime}").load(data, file, threads)
    return backend


def name_runtime(runtime: str) -> str:
    """Name and version of the installed runtime that `litert` or `onnx` uses; raises `MissingExtraError`."""
    name: str = import_module(f"{__name__}.{runtime}").find_runtime()[1]
    return name
