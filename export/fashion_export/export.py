"""A source to an outcome: load, mend, convert, tune, compare, judge. Nothing is written here."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import ModelError, brief
from fashion_edge.golden import GoldenSet
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_edge.thresholds import TunedThreshold, retune_quantized
from fashion_export.artefact import label, measure, open_file
from fashion_export.calibration import Inputs, halves, load_inputs, refuse_shared, summary, warnings_of
from fashion_export.graph import copy_network
from fashion_export.options import Options
from fashion_export.outcome import Artefact, Outcome
from fashion_export.parity import MARK, LayerError, Parity, compare, layer_errors, too_few
from fashion_export.progress import Progress
from fashion_export.provenance import provenance
from fashion_export.repair import Mending, mend
from fashion_export.source import Source, check_model, keras_scores
from fashion_export.variants import ALL, Recipe, convert
from fashion_export.variants.job import Job

INT8 = next(recipe for recipe in ALL if recipe.name == "litert int8")
FLOAT32 = next(recipe for recipe in ALL if recipe.name == "litert float32")


@dataclass(frozen=True)
class Prepared:
    """The model and the photos, read and checked."""

    source: Source
    model: Any
    calibration: Inputs
    validation: Inputs
    reference: NDArray[np.float32]  # Keras scores of the validation photos
    frames: NDArray[np.uint8]  # golden, as rendered
    inputs: NDArray[np.uint8]  # golden, preprocessed


def export(source: Source, options: Options) -> Outcome:
    """Convert to every recipe, compare each with Keras and judge.

    Raises:
        ModelError: the model is damaged, or not one image in and one row of scores out.
        DatasetError: no photo could be read.
        FashionError: no variant could be made at all.
    """
    progress = Progress(options.debug)
    ready = prepare(source, progress)
    mending = mend_model(ready, options, progress)
    job = Job(mending.model, source.spec, ready.calibration.pixels, options.io, options.any_batch)
    files, failures = convert_all(job, options, progress)
    space, tuned = retune(ready, files, options)
    photos = (ready.validation.pixels, ready.reference, ready.validation.truth)
    artefacts = []
    for recipe, data in files.items():
        with progress.step(f"comparing {recipe.name} with Keras"):
            named = label(recipe, data, space, source.spec, source.name)
            artefacts.append(measure(recipe, named, space, source.spec, photos, ready.inputs))
    refusals = judge(artefacts, options)
    return Outcome(
        source=source,
        space=space,
        reference=ready.reference,
        calibration=ready.calibration,
        validation=ready.validation,
        artefacts=tuple(artefacts),
        golden=GoldenSet(ready.frames, ready.inputs, {a.recipe.file: a.golden_scores for a in artefacts}, space.labels),
        provenance={**provenance(source, options.command), "calibration": summary(ready.calibration)},
        mending=mending,
        tuned=tuple(tuned),
        warnings=(*ready.calibration.unreadable, *ready.validation.unreadable, *_doubts(ready, files)),
        stability=stability(job, ready, space, progress) if INT8 in files else None,
        failures=tuple(failures),
        refusals=tuple(refusals),
        blame=tuple(blame(job, ready, progress)) if refusals and INT8 in files else (),
    )


def prepare(source: Source, progress: Progress) -> Prepared:
    """Load the model, read the photos, ask Keras."""
    labels, spec = source.space.labels, source.spec
    with progress.step("loading TensorFlow and the model"):
        model = source.load()
        check_model(model, spec, len(labels), source.model_file.name)
    with progress.step(f"reading {len(source.calibration)} calibration and {len(source.validation)} validation photos"):
        calibration = load_inputs(source.root, source.calibration, labels, spec)
        validation = load_inputs(source.root, source.validation, labels, spec)
        refuse_shared(calibration, validation)
    frames, inputs = golden_inputs(spec)
    with progress.step("asking Keras"):
        reference = keras_scores(model, validation.pixels)
        keras_scores(model, inputs)  # a model without a sigmoid is refused even where there is no photo
    return Prepared(source, model, calibration, validation, reference, frames, inputs)


def golden_inputs(spec: InputSpec) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Rendered frames (n, h, w, 3) uint8 BGR, and what `preprocess` makes of them."""
    from fashion_render import golden_frames

    frames = golden_frames()
    return frames, np.stack([preprocess(frame, spec) for frame in frames])


def mend_model(ready: Prepared, options: Options, progress: Progress) -> Mending:
    """Examine the network, and mend it unless the options say no."""
    with progress.step("examining the network for what int8 cannot hold"):
        mending = mend(ready.model, ready.calibration.pixels if options.mend else ready.calibration.pixels[:0])
    for finding in mending.findings:
        progress.say(f"  {finding}")
    for deed in mending.deeds:
        progress.say(f"  mended: {deed}")
    return mending


def convert_all(job: Job, options: Options, progress: Progress) -> tuple[dict[Recipe, bytes], list[str]]:
    """The files that converted, and one sentence for each that did not: one failing never costs the others.

    Raises:
        FashionError: not one converted.
    """
    files: dict[Recipe, bytes] = {}
    failures: list[str] = []
    for recipe in options.recipes:
        try:
            with progress.step(f"converting to {recipe.name}"):
                data = convert(recipe, job)
                open_file(recipe, data, job.spec, job.model.outputs[0].shape[1])
        except Exception as error:  # the converters raise anything
            if options.debug or isinstance(error, OSError):
                raise
            failures.append(f"{recipe.name} was not made: {brief(error)}")
            progress.say(f"  {failures[-1]}")
            continue
        files[recipe] = data
    if not files:
        raise ModelError(f"no variant could be made: {failures[0]}")
    return files, failures


def retune(ready: Prepared, files: dict[Recipe, bytes], options: Options) -> tuple[LabelSpace, list[TunedThreshold]]:
    """Thresholds on the int8 artefact's own scores; as they were where there is no int8 file or no labelled photo.

    Those that were tuned for a precision stay as well: the best F1 would be another wish than the user's.
    """
    space = ready.source.space
    wished = ready.source.facts.get("target_precision") is not None
    if INT8 not in files or not options.tune or wished or not ready.validation.truth.any():
        return space, []
    backend = open_file(INT8, files[INT8], ready.source.spec, len(space.labels))
    return retune_quantized(backend.run(ready.validation.pixels), ready.validation.truth, space)


def judge(artefacts: list[Artefact], options: Options) -> list[str]:
    """One sentence for each variant that the gate refuses."""
    verdicts = (options.limits.verdict(a.recipe.name, a.parity) for a in artefacts if a.parity)
    return [verdict for verdict in verdicts if verdict]


def stability(job: Job, ready: Prepared, space: LabelSpace, progress: Progress) -> Parity | None:
    """How much two int8 files differ that were calibrated on disjoint halves of the photos."""
    if len(job.calibration) < 2:
        return None
    pixels = ready.validation.pixels if len(ready.validation) else ready.inputs
    truth = ready.validation.truth if len(ready.validation) else np.zeros((len(pixels), len(space.labels)), bool)
    seed = ready.source.facts.get("seed", 0)
    with progress.step("calibrating on two disjoint halves, to see how much the photos matter"):
        first, second = (
            open_file(INT8, convert(INT8, replace(job, calibration=half)), job.spec, len(space.labels)).run(pixels)
            for half in halves(job.calibration, seed)
        )
    return compare(first, second, truth, space)


def blame(job: Job, ready: Prepared, progress: Progress) -> list[LayerError]:
    """Per-layer errors of the int8 graph, worst first."""
    with progress.step("looking for the layer to blame"):
        try:
            named = replace(job, model=copy_network(job.model, mark=MARK), io="uint8")
        except (TypeError, ValueError):  # a network that cannot be looked into has no layers to name
            return []
        pixels = ready.validation.pixels if len(ready.validation) else ready.calibration.pixels
        return layer_errors(convert(FLOAT32, named), convert(INT8, named), pixels)


def _doubts(ready: Prepared, files: dict[Recipe, bytes]) -> list[str]:
    """What is doubtful of the calibration photos, where a file was made with them, and of those that judge."""
    labels = ready.source.space.labels
    needed = any(recipe.precision in ("int8", "int16x8") for recipe in files)
    few = too_few(len(ready.validation), len(labels))
    return (warnings_of(ready.calibration, labels) if needed else []) + ([few] if few else [])
