"""One run from start to end: data, teacher, network, thresholds, metrics, run folder."""

import shlex
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import keras
import msgspec

from fashion_edge.atomic import atomic_folder
from fashion_edge.cli.signals import signals_interrupt
from fashion_edge.console import describe_seconds, pluralize
from fashion_edge.errors import RunError, UsageError
from fashion_edge.opencv import cv2
from fashion_train.data.dataset import NO_LABEL
from fashion_train.data.prepare import Prepared, describe_near_duplicates, prepare
from fashion_train.data.samples import PhotoSampler, Sampler
from fashion_train.fit.batches import connect_workers, find_workers
from fashion_train.fit.checkpoints import STUDENT, has_checkpoint, remove_checkpoints
from fashion_train.fit.distillation import distill
from fashion_train.fit.epochs import fit, fit_baseline
from fashion_train.networks import find_architecture, precision
from fashion_train.options import Recipe, TrainOptions
from fashion_train.report import write_run
from fashion_train.results import FitResult, Run, TrainingResult
from fashion_train.tune.calibration import tune
from fashion_train.tune.evaluate import evaluate, evaluate_recoloured, make_predict
from fashion_train.tune.label_errors import LabelError, find_label_errors


def run(options: TrainOptions) -> Run:
    """Train and write the run folder."""
    if options.resume and not has_checkpoint(options):
        raise RunError(f"there is no checkpoint of {options.out} to resume from; run again without --resume")
    join_workers(options)
    if not find_workers().chief:
        return Run.of(options.out, train_network(options))
    names: list[Path] = []
    with atomic_folder(options.out, marker="run.json", overwrite=options.overwrite, named=names.append) as part:
        if not options.resume:
            remove_checkpoints(options)  # those of an older command would stop the --resume of this one
        result = train_network(options)
        write_run(part, result)
    for line in summarize(result, names[0]):
        options.progress.line(line)
    if not result.incomplete:
        remove_checkpoints(options)
    return Run.of(names[0], result)


def join_workers(options: TrainOptions) -> None:
    """Connect to the other workers of TF_CONFIG first: TensorFlow allows it only at the start."""
    workers = find_workers()
    if workers.size == 1:
        return
    if options.recipe.batch % workers.size:
        raise UsageError(f"--batch {options.recipe.batch} is not a multiple of {workers.size}, the number of workers")
    options.progress.line(f"worker {workers.rank} of {workers.size}: waiting for the others")
    connect_workers()


def train_network(options: TrainOptions) -> TrainingResult:
    """Train on the data set of the options; Ctrl-C during the epochs of the network keeps the best one."""
    cv2.setNumThreads(1)  # pictures are small, and the input pipeline has its own threads
    started, recipe, progress = time.perf_counter(), options.recipe, options.progress
    prepared = prepare(options, options.size or find_architecture(recipe.arch).input_size)
    for line in describe(prepared):
        progress.line(line)
    sampler: Sampler = (photos := PhotoSampler.gather(prepared, recipe, options.seed, progress))
    label_errors: list[LabelError] = []
    if recipe.teacher_epochs:
        label_errors = find_label_errors(prepared, progress)
        progress.line(describe_label_errors(prepared, label_errors))
        sampler = distill(options, prepared, photos)
        recipe = msgspec.structs.replace(recipe, label_smoothing=0.0)  # soft labels are smooth already
    model, result = _fit_network(recipe, options, prepared, sampler)
    predict = make_predict(model)
    progress.line("calibrating and tuning thresholds")
    with signals_interrupt():  # a signal that ended the epochs does not count: the next one is the first
        tuned = tune(options, prepared, predict, model)
        evaluation = evaluate(predict, prepared, tuned.space)
        abstains = options.task == "multi-label"
        recoloured = evaluate_recoloured(predict, prepared, tuned.space, options.seed, may_abstain=abstains)
    baseline = fit_baseline(options, prepared) if options.baseline and not result.interrupted else None
    errors, seconds = tuple(label_errors), time.perf_counter() - started
    return TrainingResult(options, prepared, model, result, tuned, evaluation, recoloured, baseline, errors, seconds)


def _fit_network(
    recipe: Recipe, options: TrainOptions, prepared: Prepared, sampler: Sampler
) -> tuple[keras.Model, FitResult]:
    """The network of the run; it computes in float32, also after mixed-precision training."""
    shape = prepared.size, len(prepared.dataset.labels)
    build = partial(find_architecture(recipe.arch).build, *shape, options.task, options.seed)
    with precision(recipe.mixed_precision):
        model = build()
    _, result = fit(STUDENT, model, recipe, options, prepared, sampler)
    if recipe.mixed_precision:
        mixed, model = model, build()
        model.set_weights(mixed.get_weights())
    return model, result


def describe(prepared: Prepared) -> Iterator[str]:
    """The data, and what a user should correct before hours of training."""
    for file, reason in prepared.failures:
        yield f"fashion-train: left out: {reason}" if file in reason else f"fashion-train: left out {file}: {reason}"
    yield _describe_data(prepared)
    if ignored := prepared.dataset.ignored:
        yield f"ignored: {pluralize(len(ignored), 'file')}, the first {ignored[0]}: save as .jpg or .png, in a folder"
    if near_duplicates := prepared.near_duplicates:
        yield f"not evaluated: {describe_near_duplicates(near_duplicates)}"
    if conflicts := prepared.label_conflicts:
        one, other = conflicts[0]
        yield (
            f"label conflicts: {pluralize(len(conflicts), 'photo')}, the first {other.file}, the same picture as "
            f"{one.file}: correct the labels, since both are trained on"
        )
    if labels := prepared.universal_labels:
        yield (
            f"every training photo has the label {', '.join(labels)}, so the network cannot learn what lacks it: "
            "add other photos, or background images with --negatives"
        )


def _describe_data(prepared: Prepared) -> str:
    sides = ", ".join(f"{len(prepared.on(side))} {side}" for side in ("train", "val", "test") if prepared.on(side))
    copies = len(prepared.duplicate_groups) - len(set(prepared.duplicate_groups))
    counts = ", ".join(f"{name or NO_LABEL} {count}" for name, count in prepared.counts.items())
    photos = pluralize(len(prepared.decoded.readable), "photo")
    text = f"{photos} ({counts}): {sides}; {pluralize(copies, 'duplicate')} kept on one side"
    if prepared.negatives:
        text += f"; {pluralize(len(prepared.negatives.decoded.readable), 'negative')}"
        if not prepared.negatives.on("val"):
            text += ", too few to evaluate on"
    if free := sorted(prepared.untuned.free_labels):
        text += f"; in no group: {', '.join(free)}"
    trained = {label for index in prepared.on("train") for label in prepared.dataset.photos[index].labels}
    if missing := sorted(set(prepared.dataset.labels) - trained):
        text += f"; no training photo has the label {', '.join(missing)}"
    return text + (f"; could not be read: {len(prepared.failures)}" if prepared.failures else "")


def describe_label_errors(prepared: Prepared, errors: Sequence[LabelError]) -> str:
    """The likely label errors, before training, so that they can be corrected at once."""
    if not errors:
        return "no likely label errors"
    shown = [f"{prepared.dataset.photos[e.index].file} ({'not ' if e.given else ''}{e.label}?)" for e in errors[:3]]
    more = ", ..." if len(errors) > 3 else ""
    return f"{pluralize(len(errors), 'likely label error')}: {', '.join(shown)}{more}"


def summarize(result: TrainingResult, folder: Path) -> Iterator[str]:
    """The metrics, and where the run is."""
    for side, metrics in result.evaluation.metrics.items():
        accuracy = f"label accuracy {metrics.label_accuracy:.4f}, exact match {metrics.exact_match:.4f}"
        yield f"{side}: {accuracy} on {pluralize(metrics.photos, 'photo')}"
    for side, background in result.evaluation.background.items():
        yield f"{side} negatives: no label on {background.abstained:.4f} of {background.photos}"
    if result.baseline:
        for side, metrics in result.baseline.metrics.items():
            yield f"{side}, by the tutorial's recipe: exact match {metrics.exact_match:.4f}"
    yield f"run written to {folder} (epoch {result.fit.best_epoch}, {describe_seconds(result.seconds)})"
    yield f"next: fashion-export --run {shlex.quote(str(folder))} --int8"
    if result.incomplete:
        yield "training was cut short; the same command with --resume finishes it"
