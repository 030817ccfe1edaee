"""What an export produced: the converted files, measured in the runtime of the device, and how they were made."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.backends import Backend, load_backend
from fashion_edge.bundle import Variant
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import ModelError
from fashion_edge.golden import GoldenSet, check_shapes
from fashion_edge.preprocess import InputSpec
from fashion_edge.thresholds import TunedThreshold
from fashion_export.calibration import Inputs
from fashion_export.metadata import embed_onnx, embed_tflite, onnx_operators, tflite_operators
from fashion_export.parity import LayerError, Parity, compare, too_few
from fashion_export.repair import Repair
from fashion_export.source import Source
from fashion_export.variants import Recipe


@dataclass(frozen=True)
class Prepared:
    """The model and the photos, read and checked."""

    source: Source
    model: Any
    calibration: Inputs
    validation: Inputs
    reference: NDArray[np.float32]  # Keras scores of the validation photos (n, labels)
    frames: NDArray[np.uint8]  # golden, as rendered
    inputs: NDArray[np.uint8]  # golden, preprocessed

    @property
    def unreadable(self) -> tuple[str, ...]:
        """Photos that could not be read, one sentence each."""
        return *self.calibration.unreadable, *self.validation.unreadable


@dataclass(frozen=True)
class Artefact:
    """One variant: its bytes and its results in the runtime of the device."""

    recipe: Recipe
    data: bytes
    scores: NDArray[np.float32]  # of the validation photos (n, labels)
    golden_scores: NDArray[np.float32]
    parity: Parity | None  # None if there is no held-out photo to compare on
    min_runtime: str  # the oldest that reads it
    operators: dict[str, int]  # name and version -> count


@dataclass(frozen=True)
class Outcome:
    """An export before it is written."""

    prepared: Prepared
    space: LabelSpace
    artefacts: tuple[Artefact, ...]
    provenance: dict[str, Any]
    repair: Repair
    tuned: tuple[TunedThreshold, ...]
    warnings: tuple[str, ...]
    stability: Parity | None  # two int8 files from disjoint halves of the calibration photos, compared
    failures: tuple[str, ...] = ()  # variants that did not convert, one sentence each
    refusals: tuple[str, ...] = ()  # of the gate
    layer_errors: tuple[LayerError, ...] = ()  # largest first, of a refused int8 file

    @property
    def verdict(self) -> str:
        """`proven`, `refused`, or `not proven` if there was no photo to compare on."""
        if self.refusals:
            return "refused"
        return "proven" if len(self.prepared.validation) else "not proven"

    @property
    def too_few(self) -> str | None:
        """A sentence if there are too few photos to prove parity."""
        return too_few(len(self.prepared.validation), len(self.space.labels))

    @property
    def golden(self) -> GoldenSet:
        """The golden inputs with the scores of each file."""
        scores = {artefact.recipe.file: artefact.golden_scores for artefact in self.artefacts}
        return GoldenSet(self.prepared.frames, self.prepared.inputs, scores, self.space.labels)


def open_file(recipe: Recipe, data: bytes, spec: InputSpec, n_labels: int) -> Backend:
    """Load the bytes into the recipe's runtime and check input and output."""
    backend = load_backend(recipe.runtime, data, recipe.file)
    check_shapes(Variant(recipe.file, recipe.runtime, recipe.precision, len(data), ""), backend, spec, n_labels)
    if recipe.runtime == "litert":
        _check_input_scale(recipe, data)
    return backend


def measure(recipe: Recipe, data: bytes, space: LabelSpace, prepared: Prepared) -> Artefact:
    """Embed labels and thresholds in a converted file, and run it on the validation photos and the golden inputs."""
    spec, photos = prepared.source.spec, prepared.validation
    litert = recipe.runtime == "litert"
    data = (embed_tflite if litert else embed_onnx)(data, space, spec, prepared.source.name)
    backend = open_file(recipe, data, spec, len(space.labels))
    scores = backend.run(photos.pixels)
    operators, min_runtime = (tflite_operators if litert else onnx_operators)(data)
    return Artefact(
        recipe=recipe,
        data=data,
        scores=scores,
        golden_scores=backend.run(prepared.inputs),
        parity=compare(prepared.reference, scores, photos.truth, space) if len(photos) else None,
        min_runtime=min_runtime,
        operators=operators,
    )


def _check_input_scale(recipe: Recipe, data: bytes) -> None:
    """A quantized input must take a pixel as it is: scale 1, and zero point 0 (uint8) or -128 (int8)."""
    from ai_edge_litert.interpreter import Interpreter

    source = Interpreter(model_content=data).get_input_details()[0]
    scale, zero = source["quantization"]
    exact = {"uint8": (1.0, 0), "int8": (1.0, -128)}.get(source["dtype"].__name__)
    if exact is not None and scale != 0 and (scale, zero) != exact:  # a scale of 0 means not quantized
        found = f"input scale {scale} and zero point {zero}"
        raise ModelError(f"{recipe.file} has {found}, not {exact}: pixels are rounded")
