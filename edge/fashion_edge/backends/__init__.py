"""Inference runtimes with one method: `run(batch) -> scores`."""

from importlib import import_module
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import Bundle, Variant

__all__ = ["Backend", "load_backend", "open_backend"]


class Backend(Protocol):
    """A loaded model. Not thread-safe: one backend, one thread."""

    name: str  # runtime and version, for messages and reports
    input_shape: tuple[int, int, int]  # (height, width, 3)
    n_labels: int

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores (n, n_labels) in 0..1 for inputs (n, height, width, 3) uint8, as `preprocess` makes them."""
        ...


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
