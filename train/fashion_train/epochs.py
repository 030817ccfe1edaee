"""Training epoch by epoch: measured on the validation photos, a good one kept, a checkpoint after each."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_train.checkpoint import Best, Checkpoint
from fashion_train.learn import Epoch, Learner, Weights
from fashion_train.metrics import Scores, Targets, measure
from fashion_train.pipeline import Drawer, Schedule, training_batches
from fashion_train.progress import Progress, clock
from fashion_train.thresholds import standard_error


@dataclass(frozen=True)
class Validation:
    """Photos that judge each epoch, at thresholds of 0.5."""

    pictures: NDArray[np.uint8]
    targets: Targets
    space: LabelSpace


@dataclass(frozen=True)
class Learned:
    """What the epochs left; the model holds the weights of `best_epoch`."""

    history: tuple[Epoch, ...]
    best_epoch: int
    interrupted: bool


def run_epochs(
    learner: Learner,
    drawer: Drawer,
    schedule: Schedule,
    validation: Validation,
    resumed: Checkpoint | None,
    keep: Callable[[Checkpoint], None],
    log: Callable[[Epoch], None] = lambda _epoch: None,
) -> Learned:
    """Train to the last epoch of the schedule, or to the first Ctrl-C once an epoch is done.

    Args:
        learner: model and optimizer.
        drawer: makes the training pictures.
        schedule: which of them each step holds.
        validation: what the epoch to keep is chosen on.
        resumed: where to go on, or None to start.
        keep: called with a checkpoint after every epoch.
        log: called with every finished epoch.
    """
    recipe, progress = learner.recipe, Progress()
    history: list[Epoch] = []
    best: Best | None = None
    if resumed:
        learner.restore(resumed.state)
        history, best = list(resumed.history), resumed.best
        say(f"{learner.name}: resuming after epoch {len(history)} of {schedule.epochs}")
    interrupted = False
    try:
        batches = _batches(drawer, schedule, validation, len(history))
        for number in range(len(history) + 1, schedule.epochs + 1):
            if recipe.patience and history and number - 1 - peak(history).epoch >= recipe.patience:
                say(f"no better validation score for {recipe.patience} epochs: stopping")
                break
            epoch, weights = _one_epoch(learner, batches, schedule, validation, number, progress)
            history.append(epoch)
            if best is None or recipe.keep == "last" or is_within_luck(history, len(validation.pictures)):
                best = Best(number, weights)
            keep(Checkpoint(tuple(history), learner.state(), best))
            log(epoch)
            left = clock(_seconds_left(history, schedule.epochs))
            progress.line(f"{learner.name}, epoch {number} of {schedule.epochs}: {describe(epoch)}, {left} left")
    except KeyboardInterrupt:
        progress.close()
        if best is None:
            raise
        interrupted = True
        say(f"{learner.name}: interrupted after epoch {len(history)} of {schedule.epochs}")
    assert best is not None
    for variable, value in zip(learner.model.variables, best.weights, strict=True):
        variable.assign(value)
    return Learned(tuple(history), best.epoch, interrupted)


def _batches(drawer: Drawer, schedule: Schedule, validation: Validation, done: int) -> Iterator[Any]:
    """The batches of all epochs that are not done."""
    shape, labels = validation.pictures.shape[1:], validation.targets.shape[1]
    return iter(training_batches(drawer, schedule, done * schedule.steps_per_epoch, shape, labels))


def _seconds_left(history: Sequence[Epoch], epochs: int) -> float:
    """By the pace of the last five."""
    recent = history[-5:]
    return (epochs - len(history)) * sum(epoch.seconds for epoch in recent) / len(recent)


def _one_epoch(
    learner: Learner, batches: Any, schedule: Schedule, validation: Validation, number: int, progress: Progress
) -> tuple[Epoch, Weights]:
    """Train one epoch and measure it: its row, and the weights it would ship."""
    began, rate, steps = time.perf_counter(), learner.learning_rate, schedule.steps_per_epoch
    title = f"{learner.name}, epoch {number} of {schedule.epochs}"
    loss, accuracy = learner.train(batches, steps, lambda step: progress.update(title, step, steps))
    speed = schedule.pictures_per_epoch / (time.perf_counter() - began)
    learner.swap_average()
    scores = learner.predict(validation.pictures)
    weights = [np.asarray(variable) for variable in learner.model.variables]
    learner.swap_average()
    metrics = measure(scores, validation.targets, validation.space)
    val_loss = cross_entropy(scores, validation.targets, learner.task)
    seconds = time.perf_counter() - began
    epoch = Epoch(number, loss, accuracy, val_loss, metrics.label_accuracy, metrics.exact_match, rate, speed, seconds)
    return epoch, weights


def peak(history: Sequence[Epoch]) -> Epoch:
    """The epoch with the best exact match on the validation photos; of several the one with the lowest loss."""
    return max(history, key=lambda epoch: (epoch.val_exact, -epoch.val_loss))


def is_within_luck(history: Sequence[Epoch], photos: int) -> bool:
    """Whether the newest epoch is as good as the best so far, up to one standard error of its exact match.

    A few hundred photos cannot tell such epochs apart, and the later ones have learned more: the very best of 200 was
    the 100th, and on photos that chose nothing it was two points worse than the last.
    """
    best = peak(history).val_exact
    return history[-1].val_exact >= best - standard_error(best, photos)


def cross_entropy(scores: Scores, targets: Targets, task: str) -> float:
    """Mean cross-entropy: binary, over all labels, or categorical, of the one label a photo; as in training."""
    clipped = scores.clip(1e-6, 1 - 1e-6)
    if task == "single-label":
        return float(-(targets * np.log(clipped)).sum(axis=1).mean())
    return float(-(targets * np.log(clipped) + (1 - targets) * np.log(1 - clipped)).mean())


def describe(epoch: Epoch) -> str:
    """One epoch in a line."""
    return (
        f"loss {epoch.loss:.4f}, validation loss {epoch.val_loss:.4f}, labels {epoch.val_accuracy:.4f}, "
        f"exact {epoch.val_exact:.4f}, {epoch.images_per_second:.0f} images/s"
    )
