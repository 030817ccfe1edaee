"""A source becomes an outcome: load, repair, convert, tune thresholds, compare with Keras. Nothing is written here."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import ModelError, brief
from fashion_edge.preprocess import preprocess
from fashion_edge.progress import Progress
from fashion_edge.thresholds import TunedThreshold, retune_quantized
from fashion_export.calibration import calibration_warnings, load_inputs, refuse_shared, split_halves
from fashion_export.graph import copy_network
from fashion_export.outcome import Outcome, Prepared, measure, open_file
from fashion_export.parity import MARK, LayerError, Limits, Parity, compare, layer_errors, too_few
from fashion_export.repair import Repair, repair
from fashion_export.source import Source, check_model, keras_scores
from fashion_export.variants import FLOAT32, INT8, STANDARD, Job, Recipe
from fashion_export.write import describe_provenance
from fashion_render import golden_frames


@dataclass(frozen=True)
class Options:
    """How the files are made, and what the gate allows."""

    recipes: tuple[Recipe, ...] = STANDARD
    io: str = "uint8"  # input and output type of the int8 TFLite file
    any_batch: bool = False  # ONNX
    repair: bool = True
    tune: bool = True
    limits: Limits = field(default_factory=Limits)
    debug: bool = False


def convert_source(source: Source, options: Options, progress: Progress, command: str) -> Outcome:
    """Convert to every recipe, compare each with Keras and apply the gate; nothing is written."""
    quiet = not options.debug
    prepared = _prepare(source, progress, quiet=quiet)
    repaired = _repair_model(prepared, options, progress)
    job = Job(repaired.model, source.spec, prepared.calibration.pixels, options.io, options.any_batch)
    files, failures = _convert_all(job, options, progress)
    space, tuned = _retune(prepared, files, options)
    artefacts = []
    for recipe, data in files.items():
        with progress.step(f"comparing {recipe.name} with Keras", quiet=quiet):
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
        stability=_measure_stability(job, prepared, space, progress, quiet=quiet) if INT8 in files else None,
        failures=tuple(failures),
        refusals=refusals,
        layer_errors=_find_layer_errors(job, prepared, progress, quiet=quiet) if refusals and INT8 in files else (),
    )


def _prepare(source: Source, progress: Progress, *, quiet: bool) -> Prepared:
    labels, spec = source.space.labels, source.spec
    with progress.step("loading TensorFlow and the model", quiet=quiet):
        model = source.load()
        check_model(model, spec, len(labels), source.model_name)
    counts = f"{len(source.calibration)} calibration and {len(source.validation)} validation photos"
    with progress.step(f"reading {counts}", quiet=quiet):
        calibration = load_inputs(source.root, source.calibration, labels, spec)
        validation = load_inputs(source.root, source.validation, labels, spec)
        refuse_shared(calibration, validation)
    frames = golden_frames()  # uint8 BGR, as rendered
    inputs = np.stack([preprocess(frame, spec) for frame in frames])
    with progress.step("running Keras", quiet=quiet):
        reference = keras_scores(model, validation.pixels)
        keras_scores(model, inputs)  # refuses a model without a sigmoid even if there is no photo
    return Prepared(source, model, calibration, validation, reference, frames, inputs)


def _repair_model(prepared: Prepared, options: Options, progress: Progress) -> Repair:
    pixels = prepared.calibration.pixels
    with progress.step("looking for layers that int8 cannot represent", quiet=not options.debug):
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
            with progress.step(f"converting to {recipe.name}", quiet=not options.debug):
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


def _measure_stability(
    job: Job, prepared: Prepared, space: LabelSpace, progress: Progress, *, quiet: bool
) -> Parity | None:
    """How much two int8 files differ that were calibrated on disjoint halves of the photos."""
    if len(job.calibration) < 2:
        return None
    photos = prepared.validation
    pixels = photos.pixels if len(photos) else prepared.inputs
    truth = photos.truth if len(photos) else np.zeros((len(pixels), len(space.labels)), bool)
    halves = split_halves(job.calibration, prepared.source.facts.get("seed", 0))
    with progress.step("calibrating on two disjoint halves, to measure how much the photos matter", quiet=quiet):
        first, second = (
            open_file(INT8, INT8.convert(replace(job, calibration=half)), job.spec, len(space.labels)).run(pixels)
            for half in halves
        )
    return compare(first, second, truth, space)


def _find_layer_errors(job: Job, prepared: Prepared, progress: Progress, *, quiet: bool) -> tuple[LayerError, ...]:
    with progress.step("measuring the error of each int8 layer", quiet=quiet):
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
