"""Training epoch by epoch: measured on the validation photos, a good one kept, a checkpoint after each."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_file
from fashion_edge.console import describe_seconds, say
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import RunError, brief
from fashion_edge.progress import Progress
from fashion_edge.statistics import standard_error
from fashion_train.data.batches import Drawer, Schedule, training_batches
from fashion_train.fit.learner import Epoch, Learner, Weights
from fashion_train.tune.metrics import Scores, Targets, measure


@dataclass(frozen=True)
class Best:
    """The epoch to keep."""

    epoch: int
    weights: Weights


@dataclass(frozen=True)
class Checkpoint:
    """Training after a whole epoch."""

    history: tuple[Epoch, ...]
    state: Weights
    best: Best


def checkpoint_path(out: Path, name: str) -> Path:
    """Where the checkpoint of one network of a run is kept until the run is written."""
    return out.with_name(f".{out.name}.{name}.npz")


def find_interrupted(runs: Path) -> Path | None:
    """The run folder below `runs` that the newest checkpoint or diary belongs to; None where there is none."""
    found = max(_kept(runs), key=lambda path: path.stat().st_mtime, default=None)
    return found and _run_of(found)


def can_resume(out: Path) -> bool:
    """Whether a checkpoint or a diary of this run folder is kept."""
    return any(_run_of(path) == out for path in _kept(out.parent))


def _kept(runs: Path) -> list[Path]:
    return [
        path for ending in ("npz", "leave_out.json") for path in runs.glob(f".*.{ending}") if ".part-" not in path.name
    ]


def _run_of(kept: Path) -> Path:
    return kept.with_name(kept.name[1:].rsplit(".", 2)[0])


def identify(*parts: object) -> str:
    """One word for all that must be equal for work to go on: plain values and frozen dataclasses."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint, identity: str) -> None:
    """Write a checkpoint in place of the one before."""
    meta = {
        "identity": identity,
        "history": [asdict(epoch) for epoch in checkpoint.history],
        "best_epoch": checkpoint.best.epoch,
    }
    arrays: dict[str, Any] = {f"state{i}": value for i, value in enumerate(checkpoint.state)}
    arrays |= {f"best{i}": value for i, value in enumerate(checkpoint.best.weights)}
    with atomic_file(path, overwrite=True) as part:
        np.savez(part, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)


def load_checkpoint(path: Path, identity: str) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises:
        RunError: it cannot be read, or it belongs to other photos, another recipe or another seed.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            meta = json.loads(data["meta"].tobytes())
            state = _numbered(data, "state")
            best = Best(meta["best_epoch"], _numbered(data, "best"))
        same = meta["identity"] == identity
        history = tuple(Epoch(**epoch) for epoch in meta["history"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise RunError(f"checkpoint {path} cannot be read ({brief(error)}); run again without --resume") from error
    if not same:
        raise RunError(f"checkpoint {path} is of other photos, flags or seed; repeat those, or drop --resume")
    return Checkpoint(history, state, best)


def _numbered(data: Any, prefix: str) -> Weights:
    count = sum(name.startswith(prefix) for name in data.files)
    return [data[f"{prefix}{i}"] for i in range(count)]


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
            left = describe_seconds(_seconds_left(history, schedule.epochs))
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
