"""One run, top to bottom: data, network, epochs, thresholds, and the run folder."""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fashion_edge.atomic import atomic_folder
from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.opencv import load_cv2
from fashion_train.checkpoint import checkpoint_path, fingerprint, load_checkpoint, save_checkpoint
from fashion_train.epochs import Learned, Validation, run_epochs
from fashion_train.events import tensorboard_log
from fashion_train.learn import Learner
from fashion_train.metrics import Metrics, Scores, Silence, measure, silent
from fashion_train.networks import NetworkOptions, find_architecture
from fashion_train.options import TrainOptions
from fashion_train.pipeline import Schedule
from fashion_train.prepare import Prepared, prepare
from fashion_train.progress import Progress, clock
from fashion_train.samples import Sampler
from fashion_train.sources import gather, gather_hints
from fashion_train.suspects import Suspect
from fashion_train.tuning import Tuned, tune

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Outcome:
    """What training left, before it is written down."""

    options: TrainOptions
    prepared: Prepared
    model: "keras.Model"
    learned: Learned
    tuned: Tuned
    scores: dict[str, Scores]  # side -> (n, labels), photos of `prepared.on(side)`
    metrics: dict[str, Metrics]
    silence: dict[str, Silence]  # side -> on its negatives
    suspects: tuple[Suspect, ...]
    seconds: float

    @property
    def space(self) -> LabelSpace:
        """Labels, groups and tuned thresholds."""
        return self.tuned.space


def run(options: TrainOptions) -> int:
    """Train and write the run folder; 1 when some file could not be read, else 0."""
    from fashion_train.run_folder import write_run

    with atomic_folder(options.out, marker="run.json", overwrite=options.overwrite) as part:
        outcome = train(options)
        write_run(part, outcome)
    if not outcome.learned.interrupted:
        checkpoint_path(options.out).unlink(missing_ok=True)
    report_end(outcome)
    return 1 if outcome.prepared.failures else 0


def train(options: TrainOptions) -> Outcome:
    """Train on the data set of the options; keeps the best epoch when interrupted by Ctrl-C."""
    import keras

    load_cv2().setNumThreads(1)  # pictures are small and the pipeline has threads of its own

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
    hints, suspects = gather_hints(prepared, rendered, progress.update) if recipe.hint else (None, [])
    progress.close()
    sampler = Sampler.of(prepared, recipe, masks, rendered, hints)
    schedule = Schedule(len(sampler), recipe.batch, recipe.epochs, options.seed)
    learner = Learner(model, recipe, schedule.steps_per_epoch, options.task)
    learned = _learn(options, prepared, learner, sampler, schedule)
    progress.line("calibrating and tuning thresholds")
    tuned = tune(options, prepared, learner, model)
    scores = {side: learner.predict(_pictures(prepared, side)) for side in ("val", "test") if prepared.on(side)}
    negatives = prepared.negatives
    negative_scores = {
        side: learner.predict(negatives.decoded.exact.read_many(negatives.on(side)))
        for side in ("val", "test")
        if negatives and negatives.on(side)
    }
    metrics = {
        side: measure(values, prepared.targets[prepared.on(side)], tuned.space) for side, values in scores.items()
    }
    silence = {side: silent(values, tuned.space) for side, values in negative_scores.items()}
    return Outcome(
        options,
        prepared,
        model,
        learned,
        tuned,
        scores,
        metrics,
        silence,
        tuple(suspects),
        time.perf_counter() - started,
    )


def _learn(
    options: TrainOptions, prepared: Prepared, learner: Learner, sampler: Sampler, schedule: Schedule
) -> Learned:
    """Run the epochs, with a checkpoint beside the run folder."""
    labels, groups = prepared.dataset.labels, prepared.dataset.groups
    validation = Validation(
        _pictures(prepared, "val"),
        prepared.targets[prepared.on("val")],
        LabelSpace(labels, groups, dict.fromkeys(labels, 0.5)),
    )
    path = checkpoint_path(options.out)
    files = [photo.file for photo in prepared.dataset.photos]
    identity = fingerprint(options.recipe, labels, files, options.seed)
    resumed = load_checkpoint(path, identity) if options.resume else None
    return run_epochs(
        learner,
        sampler,
        schedule,
        validation,
        resumed,
        keep=lambda checkpoint: save_checkpoint(path, checkpoint, identity),
        log=tensorboard_log(options.tensorboard),
    )


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
    for side, silence in outcome.silence.items():
        say(f"{side} negatives: silent on {silence.silent:.4f} of {silence.photos}")
    say(f"run written to {outcome.options.out} (epoch {outcome.learned.best_epoch}, {clock(outcome.seconds)})")
    say(f"next: fashion-export --run {outcome.options.out} --int8")


def _pictures(prepared: Prepared, side: str) -> np.ndarray:
    return prepared.decoded.exact.read_many(prepared.on(side))
