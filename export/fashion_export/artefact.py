"""A converted model file in memory, opened in the runtime that the device uses."""

from dataclasses import dataclass
from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from fashion_edge.backends import Backend
from fashion_edge.backends.base import OPENERS
from fashion_edge.bundle import Variant
from fashion_edge.golden import check_shapes
from fashion_edge.preprocess import InputSpec
from fashion_export.parity import Parity
from fashion_export.variants import Recipe


@dataclass(frozen=True)
class Artefact:
    """One variant's bytes, what it says of the golden inputs, and how it compares with Keras.

    `parity` is None where there is no held-out photo to compare on.
    """

    recipe: Recipe
    data: bytes
    golden_scores: NDArray[np.float32]  # (n, labels)
    parity: Parity | None
    runtime: str  # name and version of what ran it


def open_artefact(recipe: Recipe, data: bytes, spec: InputSpec, n_labels: int) -> Backend:
    """Load the bytes into the recipe's runtime and compare its shapes with what was asked for.

    Raises:
        ModelError: the runtime refuses the file, or input size or label count are others.
    """
    backend: Backend = import_module(OPENERS[recipe.runtime]).load(data, recipe.file, 1)
    check_shapes(Variant(recipe.file, recipe.runtime, recipe.precision, len(data), ""), backend, spec, n_labels)
    return backend
