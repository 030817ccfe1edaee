"""A source becomes an outcome: load, repair, convert, tune thresholds, compare with Keras. Nothing is written here."""

import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.backends import Backend, load_backend
from fashion_edge.bundle import Variant
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import ModelError, brief
from fashion_edge.golden import GoldenSet, check_shapes
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_edge.progress import Progress
from fashion_edge.thresholds import TunedThreshold, retune_quantized
from fashion_export.calibration import (
    Inputs,
    calibration_warnings,
    load_inputs,
    refuse_shared,
    split_halves,
    summarize,
)
from fashion_export.metadata import embed_onnx, embed_tflite, onnx_operators, tflite_operators
from fashion_export.parity import MARK, LayerError, Limits, Parity, compare, layer_errors, too_few
from fashion_export.repair import Repair, copy_network, repair
from fashion_export.source import Source, check_model, keras_scores
from fashion_export.variants import FLOAT32, INT8, Job, Recipe
from fashion_render import golden_frames

PACKAGES = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy", "fashion-edge")


@dataclass(frozen=True)
class Options:
    """How the files are made, and what the gate allows."""

    recipes: tuple[Recipe, ...]
    io: str  # input and output type of the int8 TFLite file
    any_batch: bool  # ONNX
    repair: bool
    tune: bool
    limits: Limits
    debug: bool


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


def convert_source(source: Source, options: Options, progress: Progress, command: str) -> Outcome:
    """Convert to every recipe, compare each with Keras and apply the gate; nothing is written."""
    prepared = _prepare(source, progress)
    repaired = _repair_model(prepared, options, progress)
    job = Job(repaired.model, source.spec, prepared.calibration.pixels, options.io, options.any_batch)
    files, failures = _convert_all(job, options, progress)
    space, tuned = _retune(prepared, files, options)
    artefacts = []
    for recipe, data in files.items():
        with progress.step(f"comparing {recipe.name} with Keras"):
            artefacts.append(measure(recipe, data, space, prepared))
    gated = (options.limits.refuse(a.recipe.name, a.parity) for a in artefacts if a.parity)
    refusals = tuple(filter(None, gated))
    return Outcome(
        prepared=prepared,
        space=space,
        artefacts=tuple(artefacts),
        provenance=describe_provenance(prepared, command),
        repair=repaired,
        tuned=tuple(tuned),
        warnings=(*prepared.unreadable, *_photo_warnings(prepared, files)),
        stability=_measure_stability(job, prepared, space, progress) if INT8 in files else None,
        failures=tuple(failures),
        refusals=refusals,
        layer_errors=_find_layer_errors(job, prepared, progress) if refusals and INT8 in files else (),
    )


def _prepare(source: Source, progress: Progress) -> Prepared:
    labels, spec = source.space.labels, source.spec
    with progress.step("loading TensorFlow and the model"):
        model = source.load()
        check_model(model, spec, len(labels), source.model_name)
    counts = f"{len(source.calibration)} calibration and {len(source.validation)} validation photos"
    with progress.step(f"reading {counts}"):
        calibration = load_inputs(source.root, source.calibration, labels, spec)
        validation = load_inputs(source.root, source.validation, labels, spec)
        refuse_shared(calibration, validation)
    frames = golden_frames()  # uint8 BGR, as rendered
    inputs = np.stack([preprocess(frame, spec) for frame in frames])
    with progress.step("running Keras"):
        reference = keras_scores(model, validation.pixels)
        keras_scores(model, inputs)  # refuses a model without a sigmoid even if there is no photo
    return Prepared(source, model, calibration, validation, reference, frames, inputs)


def _repair_model(prepared: Prepared, options: Options, progress: Progress) -> Repair:
    pixels = prepared.calibration.pixels
    with progress.step("looking for layers that int8 cannot represent"):
        repaired = repair(prepared.model, pixels if options.repair else pixels[:0])
    for finding in repaired.findings:
        progress.line(f"  {finding}")
    for step in repaired.steps:
        progress.line(f"  repaired: {step}")
    return repaired


def _convert_all(job: Job, options: Options, progress: Progress) -> tuple[dict[Recipe, bytes], list[str]]:
    """The converted files, and one sentence for each variant that failed, which does not affect the others."""
    files: dict[Recipe, bytes] = {}
    failures: list[str] = []
    for recipe in options.recipes:
        try:
            with progress.step(f"converting to {recipe.name}"):
                data = recipe.convert(job)
                open_file(recipe, data, job.spec, job.model.outputs[0].shape[1])
        except Exception as error:  # the converters raise anything
            if options.debug or isinstance(error, OSError):
                raise
            failures.append(f"{recipe.name} was not made: {brief(error)}")
            progress.line(f"  {failures[-1]}")
            continue
        files[recipe] = data
    if not files:
        raise ModelError(f"no variant could be made: {failures[0]}")
    return files, failures


def _retune(
    prepared: Prepared, files: dict[Recipe, bytes], options: Options
) -> tuple[LabelSpace, list[TunedThreshold]]:
    """Thresholds tuned on the scores of the int8 file, if there is one and labelled photos.

    Thresholds that training tuned for a precision stay: the best F1 is another target.
    """
    source, validation = prepared.source, prepared.validation
    for_precision = source.facts.get("target_precision") is not None
    if INT8 not in files or not options.tune or for_precision or not validation.truth.any():
        return source.space, []
    backend = open_file(INT8, files[INT8], source.spec, len(source.space.labels))
    return retune_quantized(backend.run(validation.pixels), validation.truth, source.space)


def _measure_stability(job: Job, prepared: Prepared, space: LabelSpace, progress: Progress) -> Parity | None:
    """How much two int8 files differ that were calibrated on disjoint halves of the photos."""
    if len(job.calibration) < 2:
        return None
    photos = prepared.validation
    pixels = photos.pixels if len(photos) else prepared.inputs
    truth = photos.truth if len(photos) else np.zeros((len(pixels), len(space.labels)), bool)
    halves = split_halves(job.calibration, prepared.source.facts.get("seed", 0))
    with progress.step("calibrating on two disjoint halves, to measure how much the photos matter"):
        first, second = (
            open_file(INT8, INT8.convert(replace(job, calibration=half)), job.spec, len(space.labels)).run(pixels)
            for half in halves
        )
    return compare(first, second, truth, space)


def _find_layer_errors(job: Job, prepared: Prepared, progress: Progress) -> tuple[LayerError, ...]:
    with progress.step("measuring the error of each int8 layer"):
        try:
            named = replace(job, model=copy_network(job.model, mark=MARK), io="uint8")
        except (TypeError, ValueError):  # a SavedModel, whose layers have no names
            return ()
        pixels = prepared.validation.pixels if len(prepared.validation) else prepared.calibration.pixels
        return tuple(layer_errors(FLOAT32.convert(named), INT8.convert(named), pixels))


def _photo_warnings(prepared: Prepared, files: Mapping[Recipe, bytes]) -> list[str]:
    """Warnings about the calibration photos, if a file was made with them, and about the validation photos."""
    labels = prepared.source.space.labels
    calibrated = any(recipe.precision in ("int8", "int16x8") for recipe in files)
    few = too_few(len(prepared.validation), len(labels))
    return (calibration_warnings(prepared.calibration, labels) if calibrated else []) + ([few] if few else [])


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


def describe_provenance(prepared: Prepared, command: str) -> dict[str, Any]:
    """Run, photos and versions, for the manifest; without paths of the machine that made the bundle."""
    source, facts = prepared.source, prepared.source.facts
    data = facts.get("dataset") or {}
    return {
        "run": {
            "name": source.name,
            "created": facts.get("created"),
            "seed": facts.get("seed"),
            "command": without_paths(str(facts.get("command", ""))),
            "model": {key: value for key, value in (facts.get("model") or {}).items() if key != "file"},
            **{key: facts.get(key) or {} for key in ("metrics", "negatives", "recoloured", "baseline")},
            "versions": facts.get("versions", {}),
        },
        "dataset": {
            "name": source.root.resolve().name,
            "sha256": data.get("sha256"),
            "photos": data.get("photos"),
            "counts": data.get("counts") or {},
        },
        "command": without_paths(command),
        "machine": f"{platform.system()} {platform.machine()}",
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
        "calibration": summarize(prepared.calibration),
    }


def without_paths(command: str) -> str:
    """A command line with each path cut to its last part, since other machines have other folders."""
    try:
        words = shlex.split(command)
    except ValueError:  # in a run.json that was edited
        words = command.split()
    return shlex.join(map(_without_folders, words))


def _without_folders(word: str) -> str:
    """A word of a command line; the flag of `--flag=/a/path` stays."""
    flag, equals, value = word.partition("=") if word.startswith("--") else ("", "", word)
    return f"{flag}{equals}{Path(value).name if '/' in value else value}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
