"""A converted model file in memory: labelled, opened in the runtime of the device, and asked for scores."""

from importlib import import_module

import numpy as np
from numpy.typing import NDArray

from fashion_edge.backends import Backend
from fashion_edge.backends.base import OPENERS
from fashion_edge.bundle import Variant
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import ModelError
from fashion_edge.golden import check_shapes
from fashion_edge.preprocess import InputSpec
from fashion_export import metadata
from fashion_export.metadata import onnx_operators, tflite_operators
from fashion_export.outcome import Artefact
from fashion_export.parity import compare
from fashion_export.variants import Recipe

Pixels = NDArray[np.uint8]
Scores = NDArray[np.float32]


def open_file(recipe: Recipe, data: bytes, spec: InputSpec, n_labels: int) -> Backend:
    """Load the bytes into the recipe's runtime and compare its ends with what was asked for.

    Raises:
        ModelError: the runtime refuses the file, its ends are others, or its uint8 input is no plain pixel.
    """
    backend: Backend = import_module(OPENERS[recipe.runtime]).load(data, recipe.file, 1)
    check_shapes(Variant(recipe.file, recipe.runtime, recipe.precision, len(data), ""), backend, spec, n_labels)
    if recipe.runtime == "litert":
        _check_grid(recipe, data)
    return backend


def label(recipe: Recipe, data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """The same file with labels, groups, thresholds and normalisation inside."""
    embed = metadata.embed if recipe.runtime == "litert" else metadata.embed_onnx_metadata
    named: bytes = embed(data, space, spec, name)
    return named


def measure(
    recipe: Recipe,
    data: bytes,
    space: LabelSpace,
    spec: InputSpec,
    photos: tuple[Pixels, Scores, NDArray[np.bool_]],
    golden: Pixels,
) -> Artefact:
    """Run a labelled file on the validation photos (pixels, Keras scores, truth) and on the golden inputs.

    Raises:
        ModelError: the runtime refuses the file.
    """
    pixels, reference, truth = photos
    backend = open_file(recipe, data, spec, len(space.labels))
    scores = backend.run(pixels)
    operators, min_runtime = (tflite_operators if recipe.runtime == "litert" else onnx_operators)(data)
    return Artefact(
        recipe=recipe,
        data=data,
        scores=scores,
        golden_scores=backend.run(golden),
        parity=compare(reference, scores, truth, space) if len(pixels) else None,
        runtime=backend.name,
        min_runtime=min_runtime,
        operators=operators,
    )


def _check_grid(recipe: Recipe, data: bytes) -> None:
    """A quantised input must take a pixel as it is: scale 1, and zero point 0 (uint8) or -128 (int8)."""
    from ai_edge_litert.interpreter import Interpreter

    source = Interpreter(model_content=data).get_input_details()[0]
    scale, zero = source["quantization"]
    exact = {"uint8": (1.0, 0), "int8": (1.0, -128)}.get(source["dtype"].__name__)
    if exact is not None and scale != 0 and (scale, zero) != exact:  # a scale of 0 means not quantised
        raise ModelError(
            f"{recipe.file} has input scale {scale} and zero point {zero}, not {exact}: pixels are rounded"
        )
