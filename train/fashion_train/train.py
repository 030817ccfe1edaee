"""One run, top to bottom: data, network, epochs, thresholds, and the run folder."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashion_edge.atomic import atomic_folder
from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_train.learn import Epoch, Learner
from fashion_train.metrics import Metrics, Scores, measure
from fashion_train.networks import NetworkOptions, find_architecture
from fashion_train.options import TrainOptions
from fashion_train.pipeline import Schedule, training_batches
from fashion_train.prepare import Prepared, prepare
from fashion_train.progress import Progress
from fashion_train.samples import Sampler
from fashion_train.sources import gather, gather_hints
from fashion_train.thresholds import tune_thresholds

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Outcome:
    """What training left, before it is written down."""

    options: TrainOptions
    prepared: Prepared
    model: "keras.Model"
    history: tuple[Epoch, ...]
    best_epoch: int
    space: LabelSpace
    scores: dict[str, Scores]  # side -> (n, labels), photos of `prepared.on(side)`
    negative_scores: dict[str, Scores]
    metrics: dict[str, Metrics]
    interrupted: bool
    seconds: float


def run(options: TrainOptions) -> int:
    """Train and write the run folder; 1 when some file could not be read, else 0."""
    from fashion_train.run_folder import write_run

    with atomic_folder(options.out, overwrite=options.overwrite) as part:
        outcome = train(options)
        write_run(part, outcome)
    report_end(outcome)
    return 1 if outcome.prepared.failures else 0


def train(options: TrainOptions) -> Outcome:
    """Train on the data set of the options; keeps the best epoch when interrupted by Ctrl-C."""
    import keras

    started = time.perf_counter()
    progress = Progress()
    architecture = find_architecture(options.recipe.arch)
    size = options.size or architecture.input_size
    prepared = prepare(options, size, progress.update)
    progress.close()
    for file, reason in prepared.failures:
        say(f"fashion-train: left out: {reason}" if file in reason else f"fashion-train: left out {file}: {reason}")
    say(describe(prepared))

    keras.utils.set_random_seed(options.seed)
    labels = prepared.dataset.labels
    model = architecture.build(NetworkOptions(size, len(labels), options.task, options.seed))
    recipe = options.recipe
    masks, rendered = gather(
        prepared,
        round(2 * recipe.rendered * len(prepared.on("train"))),
        recipe.recolour > 0,
        options.seed,
        progress.update,
    )
    hints = gather_hints(prepared, rendered, progress.update) if recipe.hint else None
    progress.close()
    sampler = Sampler.of(prepared, recipe, masks, rendered, hints)
    schedule = Schedule(len(sampler), options.recipe.batch, options.recipe.epochs, options.seed)
    learner = Learner(model, options.recipe, schedule.steps_per_epoch, options.task)
    history, best_epoch, interrupted = _epochs(options, prepared, learner, sampler, schedule, progress)

    scores = {side: learner.predict(_pictures(prepared, side)) for side in ("val", "test") if prepared.on(side)}
    negatives = prepared.negatives
    negative_scores = {
        side: learner.predict(negatives.decoded.exact.read_many(negatives.on(side)))
        for side in ("val", "test")
        if negatives and negatives.on(side)
    }
    space = _tune(options, prepared, scores, negative_scores)
    metrics = {side: measure(values, prepared.targets[prepared.on(side)], space) for side, values in scores.items()}
    return Outcome(
        options,
        prepared,
        model,
        history,
        best_epoch,
        space,
        scores,
        negative_scores,
        metrics,
        interrupted,
        time.perf_counter() - started,
    )


def _epochs(
    options: TrainOptions,
    prepared: Prepared,
    learner: Learner,
    sampler: Sampler,
    schedule: Schedule,
    progress: Progress,
) -> tuple[tuple[Epoch, ...], int, bool]:
    """Train epoch by epoch; leaves the weights to keep in the model."""
    recipe = options.recipe
    val_pictures, val_targets = _pictures(prepared, "val"), prepared.targets[prepared.on("val")]
    half = LabelSpace(prepared.dataset.labels, prepared.dataset.groups, dict.fromkeys(prepared.dataset.labels, 0.5))
    batches = iter(training_batches(sampler, schedule, 0, prepared.spec.shape, len(half.labels)))
    history: list[Epoch] = []
    best: tuple[tuple[float, float], int, list[np.ndarray]] | None = None
    interrupted = False
    try:
        for number in range(1, recipe.epochs + 1):
            began = time.perf_counter()
            rate = learner.learning_rate
            title = f"epoch {number} of {recipe.epochs}"
            loss, accuracy = learner.train(
                batches,
                schedule.steps_per_epoch,
                lambda step, t=title: progress.update(t, step, schedule.steps_per_epoch),
            )
            images = schedule.steps_per_epoch * recipe.batch
            speed = images / (time.perf_counter() - began)
            learner.swap_average()
            scores = learner.predict(val_pictures)
            kept = [np.asarray(v) for v in learner.model.variables]
            learner.swap_average()
            metrics, val_loss = measure(scores, val_targets, half), cross_entropy(scores, val_targets)
            seconds = time.perf_counter() - began
            history.append(
                Epoch(
                    number, loss, accuracy, val_loss, metrics.label_accuracy, metrics.exact_match, rate, speed, seconds
                )
            )
            key = (metrics.exact_match, -val_loss)
            if best is None or recipe.keep == "last" or key > best[0]:
                best = (key, number, kept)
            left = (recipe.epochs - number) * sum(e.seconds for e in history) / number
            progress.line(
                f"{title}: loss {loss:.4f}, validation loss {val_loss:.4f}, label accuracy {metrics.label_accuracy:.4f}, "
                f"exact {metrics.exact_match:.4f}, {speed:.0f} images/s, {_clock(left)} left"
            )
            if recipe.patience and number - best[1] >= recipe.patience:
                say(f"no better validation score for {recipe.patience} epochs: stopping")
                break
    except KeyboardInterrupt:
        if best is None:
            raise
        interrupted = True
        say(f"interrupted: keeping epoch {best[1]}")
    assert best is not None
    for variable, value in zip(learner.model.variables, best[2], strict=True):
        variable.assign(value)
    return tuple(history), best[1], interrupted


def _tune(
    options: TrainOptions, prepared: Prepared, scores: dict[str, Scores], negatives: dict[str, Scores]
) -> LabelSpace:
    """Thresholds from the validation photos, and from the validation negatives where there are any."""
    targets = prepared.targets[prepared.on("val")]
    values = scores["val"]
    if "val" in negatives:
        values = np.concatenate([values, negatives["val"]])
        targets = np.concatenate([targets, np.zeros((len(negatives["val"]), targets.shape[1]), np.float32)])
    thresholds = tune_thresholds(values, targets, prepared.dataset.labels, options.target_precision)
    return LabelSpace(prepared.dataset.labels, prepared.dataset.groups, thresholds)


def cross_entropy(scores: Scores, targets: np.ndarray) -> float:
    """Mean binary cross-entropy."""
    clipped = scores.clip(1e-6, 1 - 1e-6)
    return float(-(targets * np.log(clipped) + (1 - targets) * np.log(1 - clipped)).mean())


def describe(prepared: Prepared) -> str:
    """The data in one paragraph."""
    sides = ", ".join(f"{len(prepared.on(side))} {side}" for side in ("train", "val", "test") if prepared.on(side))
    copies = len(prepared.duplicate_groups) - len(set(prepared.duplicate_groups))
    counts = ", ".join(f"{name} {count}" for name, count in prepared.dataset.counts.items())
    text = f"{len(prepared.decoded.readable)} photos ({counts}): {sides}; {copies} duplicates kept on one side"
    if prepared.negatives:
        text += f"; {len(prepared.negatives.decoded.readable)} negatives"
    return text + (f"; {len(prepared.failures)} files could not be read" if prepared.failures else "")


def report_end(outcome: Outcome) -> None:
    """Say what came out and where it is."""
    for side, metrics in outcome.metrics.items():
        say(
            f"{side}: label accuracy {metrics.label_accuracy:.4f}, exact match {metrics.exact_match:.4f} "
            f"on {metrics.photos} photos"
        )
    say(f"run written to {outcome.options.out} (epoch {outcome.best_epoch}, {_clock(outcome.seconds)})")
    say(f"next: fashion-export --run {outcome.options.out} --int8")


def _pictures(prepared: Prepared, side: str) -> np.ndarray:
    return prepared.decoded.exact.read_many(prepared.on(side))


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
