"""Fit one network of a run: train epoch by epoch, validate, keep a good epoch, write a checkpoint after each."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fashion_edge.console import describe_seconds
from fashion_edge.decide import LabelSpace
from fashion_edge.opencv import cv2
from fashion_edge.progress import Progress
from fashion_edge.statistics import standard_error
from fashion_train.data.augment import Size
from fashion_train.data.dataset import Targets
from fashion_train.data.prepare import Prepared, prepare
from fashion_train.data.samples import PhotoSampler, Sampler
from fashion_train.fit.batches import Schedule, find_workers, training_batches
from fashion_train.fit.checkpoints import (
    BASELINE,
    Checkpoint,
    Weights,
    checkpoint_path,
    identify_fit,
    load_checkpoint,
    save_checkpoint,
)
from fashion_train.fit.trainer import Trainer
from fashion_train.networks import find_architecture
from fashion_train.options import Recipe, TrainOptions, find_recipe
from fashion_train.results import Epoch, FitResult
from fashion_train.tune.evaluate import Evaluation, Scores, evaluate, measure

MAX_VALIDATION = 2000  # photos, since they are kept in memory


@dataclass(frozen=True)
class Validation:
    """Photos on which each epoch is evaluated, at thresholds of 0.5."""

    pictures: NDArray[np.uint8]
    targets: Targets
    space: LabelSpace

    @classmethod
    def of(cls, prepared: Prepared, size: Size) -> "Validation":
        """The validation photos, of a large data set evenly chosen ones, for a network of input `size`."""
        photos = prepared.on("val")
        photos = photos[:: -(-len(photos) // MAX_VALIDATION)]
        return cls(read_at_size(prepared, photos, size), prepared.targets[photos], prepared.untuned)


def read_at_size(prepared: Prepared, indices: Sequence[int], size: Size) -> NDArray[np.uint8]:
    """Photos as a network of another input size sees them, (n, *size, 3)."""
    if size == prepared.size:
        return prepared.decoded.exact.read_many(indices)
    large = prepared.decoded.large
    found = np.empty((len(indices), *size, 3), np.uint8)
    for place, index in enumerate(indices):
        cv2.resize(large.read(index), size[::-1], found[place], interpolation=cv2.INTER_AREA)
    return found


def fit(
    name: str, model: keras.Model, recipe: Recipe, options: TrainOptions, prepared: Prepared, sampler: Sampler
) -> tuple[Trainer, FitResult]:
    """Run the epochs of one network of a run, with checkpoints next to the run folder."""
    keras.utils.set_random_seed(options.seed)
    workers = find_workers()
    schedule = Schedule(len(sampler), recipe.batch, recipe.epochs, options.seed, workers)
    trainer = Trainer(name, model, recipe, schedule.steps_per_epoch, options.task)
    validation = Validation.of(prepared, model.input_shape[1:3])
    path, identity = checkpoint_path(options.out, name), identify_fit(options, prepared)
    resumed = load_checkpoint(path, identity) if options.resume and path.is_file() else None
    log = tensorboard_log(options.tensorboard / name) if options.tensorboard and workers.chief else None

    def on_epoch(checkpoint: Checkpoint) -> None:
        if workers.chief:
            save_checkpoint(path, checkpoint, identity)
        if log:
            log(checkpoint.history[-1])

    return trainer, run_epochs(trainer, sampler, schedule, validation, resumed, on_epoch, options.progress)


def tensorboard_log(folder: Path) -> Callable[[Epoch], None]:
    """A function that adds the metrics of an epoch to the event file in a folder."""
    writer = tf.summary.create_file_writer(str(folder))

    def log(epoch: Epoch) -> None:
        with writer.as_default(step=epoch.epoch):
            for name, value in asdict(epoch).items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
        writer.flush()

    return log


def run_epochs(
    trainer: Trainer,
    sampler: Sampler,
    schedule: Schedule,
    validation: Validation,
    resumed: Checkpoint | None,
    on_epoch: Callable[[Checkpoint], None],
    progress: Progress,
) -> FitResult:
    """Train to the last epoch of the schedule, to early stopping, or to Ctrl-C once an epoch is done."""
    recipe, history, best_epoch, best = trainer.recipe, list[Epoch](), 0, list[NDArray[Any]]()
    if resumed:
        trainer.restore(resumed.state)
        history, best_epoch, best = list(resumed.history), resumed.best_epoch, resumed.best_weights
        progress.line(f"{trainer.name}: resuming after epoch {len(history)} of {schedule.epochs}")
    interrupted = False
    try:
        first_step, shape = len(history) * schedule.steps_per_epoch, validation.pictures.shape[1:]
        batches = iter(training_batches(sampler, schedule, first_step, shape, validation.targets.shape[1]))
        while len(history) < schedule.epochs:
            if recipe.patience and history and len(history) - peak(history).epoch >= recipe.patience:
                progress.line(f"no better validation score for {recipe.patience} epochs: stopping early")
                break
            epoch, weights = _run_epoch(trainer, batches, schedule, validation, len(history) + 1, progress)
            history.append(epoch)
            if recipe.keep == "last" or is_among_best(history, len(validation.pictures)):
                best_epoch, best = epoch.epoch, weights
            on_epoch(Checkpoint(tuple(history), trainer.state(), best_epoch, best))
            progress.line(_describe_epoch(trainer.name, history, schedule.epochs))
    except KeyboardInterrupt:
        if not best:
            raise
        interrupted = True
        progress.line(f"{trainer.name}: interrupted after epoch {len(history)} of {schedule.epochs}")
    finally:
        progress.close()
    for variable, value in zip(trainer.model.variables, best, strict=True):
        variable.assign(value)
    return FitResult(tuple(history), best_epoch, interrupted)


def _run_epoch(
    trainer: Trainer, batches: Any, schedule: Schedule, validation: Validation, number: int, progress: Progress
) -> tuple[Epoch, Weights]:
    """Train one epoch and evaluate it; returns its metrics and its averaged weights."""
    began, rate, steps = time.perf_counter(), trainer.learning_rate, schedule.steps_per_epoch
    title = f"{trainer.name}, epoch {number} of {schedule.epochs}"
    loss, accuracy = trainer.train(batches, steps, lambda step: progress.update(title, step, steps))
    speed = schedule.pictures_per_epoch / (time.perf_counter() - began)
    trainer.swap_average()
    scores = trainer.predict(validation.pictures)
    weights = [np.asarray(variable) for variable in trainer.model.variables]
    trainer.swap_average()
    metrics = measure(scores, validation.targets, validation.space)
    val_loss = cross_entropy(scores, validation.targets, trainer.task)
    seconds = time.perf_counter() - began
    epoch = Epoch(number, loss, accuracy, val_loss, metrics.label_accuracy, metrics.exact_match, rate, speed, seconds)
    return epoch, weights


def _describe_epoch(name: str, history: Sequence[Epoch], epochs: int) -> str:
    """The newest epoch in one line; the time left by the mean of the last five."""
    epoch, recent = history[-1], history[-5:]
    left = (epochs - len(history)) * sum(one.seconds for one in recent) / len(recent)
    return (
        f"{name}, epoch {epoch.epoch} of {epochs}: loss {epoch.loss:.4f}, validation loss {epoch.val_loss:.4f}, "
        f"labels {epoch.val_accuracy:.4f}, exact {epoch.val_exact:.4f}, {epoch.images_per_second:.0f} images/s, "
        f"{describe_seconds(left)} left"
    )


def peak(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the best exact match on the validation photos; among equals the one with the lowest loss."""
    return max(history, key=lambda epoch: (epoch.val_exact, -epoch.val_loss))


def is_among_best(history: Sequence[Epoch], photos: int) -> bool:
    """Whether the newest epoch is not significantly worse than the best: within one standard error of its exact match.

    Among such epochs the later ones are better: the very best of 200 was the 100th, and on photos that were not used
    for the choice it was two points worse than the last.
    """
    best = peak(history).val_exact
    return history[-1].val_exact >= best - standard_error(best, photos)


def cross_entropy(scores: Scores, targets: Targets, task: str) -> float:
    """Mean cross-entropy as in training: binary over all labels, or categorical."""
    clipped = scores.clip(1e-6, 1 - 1e-6)
    if task == "single-label":
        return float(-(targets * np.log(clipped)).sum(axis=1).mean())
    return float(-(targets * np.log(clipped) + (1 - targets) * np.log(1 - clipped)).mean())


def fit_baseline(options: TrainOptions, prepared: Prepared) -> Evaluation | None:
    """Train the tutorial's network by its recipe on the same photos, and evaluate it at thresholds of 0.5.

    Ctrl-C gives None: the run itself is done by then, and must be written.
    """
    recipe = find_recipe("tutorial", fractions=options.recipe.fractions)
    architecture, labels = find_architecture(recipe.arch), len(prepared.dataset.labels)
    try:
        photos = at_size(options, recipe, prepared, options.size or architecture.input_size)
        model = architecture.build(photos.size, labels, options.task, options.seed)
        trainer, result = fit(BASELINE, model, recipe, options, photos, PhotoSampler.of(photos, recipe))
    except KeyboardInterrupt:
        return None
    return None if result.interrupted else evaluate(trainer.predict, photos, prepared.untuned)


def at_size(options: TrainOptions, recipe: Recipe, prepared: Prepared, size: Size) -> Prepared:
    """The same photos on the same sides, decoded for a network of another input size."""
    return prepared if prepared.size == size else prepare(replace(options, recipe=recipe), size)
