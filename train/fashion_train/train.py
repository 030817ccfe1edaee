"""One run, top to bottom: data, network, epochs, thresholds, and the run folder."""

import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fashion_edge.atomic import atomic_folder
from fashion_edge.cli.signals import signals_interrupt
from fashion_edge.console import describe_seconds, pluralize, say
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import RunError, UsageError
from fashion_edge.opencv import cv2
from fashion_edge.progress import Progress
from fashion_train.data.prepare import Prepared, prepare, say_bursts
from fashion_train.data.samples import Sampler, gather
from fashion_train.fit.learner import make_predict
from fashion_train.fit.loop import Learned
from fashion_train.fit.stages import STUDENT, be_taught, fit, forget_checkpoints, has_checkpoint, stand_beside
from fashion_train.fit.teacher import teacher_size
from fashion_train.fit.workers import collective, find_team
from fashion_train.input_speed import InputSpeed
from fashion_train.networks import NetworkOptions, find_architecture, precision
from fashion_train.options import Recipe, TrainOptions
from fashion_train.tune.calibration import Tuned, tune
from fashion_train.tune.evaluate import Judgement, judge
from fashion_train.tune.label_errors import Suspect, find_doubtful
from fashion_train.tune.metrics import NO_LABEL
from fashion_train.tune.unseen import Recoloured, judge_unseen

if TYPE_CHECKING:
    import keras

    from fashion_train.data.batches import Drawer
    from fashion_train.size import Size


@dataclass(frozen=True)
class Outcome:
    """What training left, before it is written down."""

    options: TrainOptions
    prepared: Prepared
    model: "keras.Model"
    learned: Learned
    tuned: Tuned
    judgement: Judgement
    unseen: tuple[Recoloured, ...]
    baseline: Judgement | None  # of the tutorial's recipe on the same photos
    inputs: tuple[InputSpeed, ...]  # beside the tutorial's generator
    suspects: tuple[Suspect, ...]
    seconds: float

    @property
    def space(self) -> LabelSpace:
        """Labels, groups and tuned thresholds."""
        return self.tuned.space


def run(options: TrainOptions) -> int:
    """Train and write the run folder; 1 when some file could not be read, else 0.

    Raises:
        RunError: `--resume` without a checkpoint.
    """
    from fashion_train.report.run_folder import write_run

    if options.resume and not has_checkpoint(options):
        raise RunError(f"there is no checkpoint of {options.out} to resume from; run again without --resume")
    join(options)
    if not find_team().chief:
        return 1 if train(options).prepared.failures else 0
    names: list[Path] = []
    with atomic_folder(options.out, marker="run.json", overwrite=options.overwrite, named=names.append) as part:
        if not options.resume:
            forget_checkpoints(options)  # an older command's would stop the --resume of this one
        outcome = train(options)
        write_run(part, outcome)
    report_end(outcome, names[0])
    if outcome.learned.interrupted or (options.baseline and outcome.baseline is None):
        say("training was cut short; the same command with --resume finishes it")
    else:
        forget_checkpoints(options)
    return 1 if outcome.prepared.failures else 0


def join(options: TrainOptions) -> None:
    """Meet the other workers of TF_CONFIG before anything else: TensorFlow allows it only at the start.

    Raises:
        UsageError: the batch cannot be shared evenly.
    """
    team = find_team()
    if team.size == 1:
        return
    if options.recipe.batch % team.size:
        raise UsageError(f"--batch {options.recipe.batch} is no multiple of the {team.size} workers of TF_CONFIG")
    say(f"worker {team.rank} of {team.size}: waiting for the others")
    collective()


def train(options: TrainOptions) -> Outcome:
    """Train on the data set of the options; keeps the best epoch when interrupted by Ctrl-C."""
    cv2.setNumThreads(1)  # pictures are small and the pipeline has threads of its own

    started = time.perf_counter()
    progress = Progress()
    size = options.size or find_architecture(options.recipe.arch).input_size
    prepared = prepare(options, size, progress.update)
    progress.close()
    _say_what_there_is(prepared)

    recipe = options.recipe
    sampler = _make_sampler(options, prepared, progress)
    drawer: Drawer = sampler
    drawers: dict[str, tuple[Drawer, Size]] = {"what the network learned from": (sampler, size)}
    suspects: list[Suspect] = []
    if recipe.teacher_epochs:
        suspects = find_doubtful(prepared, progress.update)
        progress.close()
        say(_doubts(prepared, suspects))
        larger = replace(sampler, size=teacher_size(size))
        drawer = be_taught(options, prepared, larger)
        drawers = {
            "what the teacher learned from": (larger, larger.size),
            "what the network learned from, marked and kept": (drawer, size),
        }
        recipe = replace(recipe, label_smoothing=0.0)  # the teacher's marks are smooth enough
    model, learned = _fit_network(recipe, options, prepared, drawer)
    predict = make_predict(model)
    progress.line("calibrating and tuning thresholds")
    with signals_interrupt():  # who ended the epochs may end this too: the next signal counts as the first
        tuned = tune(options, prepared, predict, model)
        judgement = judge(predict, prepared, tuned.space)
        silent = options.task == "multi-label"
        unseen = tuple(judge_unseen(predict, prepared, tuned.space, options.seed, may_be_silent=silent))
    inputs, baseline = (
        stand_beside(options, prepared, drawers) if options.baseline and not learned.interrupted else ((), None)
    )
    seconds = time.perf_counter() - started
    return Outcome(
        options, prepared, model, learned, tuned, judgement, unseen, baseline, inputs, tuple(suspects), seconds
    )


def _say_what_there_is(prepared: Prepared) -> None:
    """The data, and what a person should mend of it before the hours go by."""
    for file, reason in prepared.failures:
        say(f"fashion-train: left out: {reason}" if file in reason else f"fashion-train: left out {file}: {reason}")
    say(describe(prepared))
    if ignored := prepared.dataset.ignored:
        say(
            f"not looked at: {pluralize(len(ignored), 'file')}, the first {ignored[0]}: "
            "save as .jpg or .png, in a folder"
        )
    if bursts := prepared.bursts:
        say(f"not judged: {say_bursts(bursts)}")
    if twins := prepared.contradictions:
        one, other = twins[0]
        say(
            f"copies with other labels: {pluralize(len(twins), 'photo')}, the first {other.file} of {one.file}: "
            "correct them, since both are learned"
        )
    if always := prepared.everywhere:
        say(
            f"every photo that trains carries {', '.join(always)}, so none shows what does not, and anything may be "
            "called that: add photos of other things, or name some with --negatives"
        )


def _make_sampler(options: TrainOptions, prepared: Prepared, progress: Progress) -> Sampler:
    """What draws the training pictures, of the photos and of those rendered beside them."""
    recipe = options.recipe
    wanted = round(2 * recipe.rendered * len(prepared.on("train")))
    masks, rendered = gather(prepared, wanted, recipe.recolour > 0, options.seed, progress.update)
    progress.close()
    return Sampler.of(prepared, recipe, masks, rendered)


def _fit_network(
    recipe: Recipe, options: TrainOptions, prepared: Prepared, drawer: "Drawer"
) -> tuple["keras.Model", Learned]:
    """The network that the run is about; it computes in float32, whatever it learned in."""
    build = find_architecture(recipe.arch).build
    network = NetworkOptions(prepared.spec.shape[:2], len(prepared.dataset.labels), options.task, options.seed)
    with precision(recipe.mixed_precision):
        model = build(network)
    _, learned = fit(STUDENT, model, recipe, options, prepared, drawer)
    if recipe.mixed_precision:
        halves, model = model, build(network)
        model.set_weights(halves.get_weights())
    return model, learned


def describe(prepared: Prepared) -> str:
    """The data in one paragraph."""
    sides = ", ".join(f"{len(prepared.on(side))} {side}" for side in ("train", "val", "test") if prepared.on(side))
    copies = len(prepared.duplicate_groups) - len(set(prepared.duplicate_groups))
    counts = ", ".join(f"{name or NO_LABEL} {count}" for name, count in prepared.counts.items())
    photos = pluralize(len(prepared.decoded.readable), "photo")
    text = f"{photos} ({counts}): {sides}; {pluralize(copies, 'duplicate')} kept on one side"
    if prepared.negatives:
        text += f"; {pluralize(len(prepared.negatives.decoded.readable), 'negative')}"
        if not prepared.negatives.on("val"):
            text += ", too few to measure silence on"
    if free := sorted(prepared.untuned.free_labels):
        text += f"; in no group, so judged alone: {', '.join(free)}"
    taught = {label for index in prepared.on("train") for label in prepared.dataset.photos[index].labels}
    if untaught := sorted(set(prepared.dataset.labels) - taught):
        text += f"; no photo that trains shows {', '.join(untaught)}"
    return text + (f"; could not be read: {len(prepared.failures)}" if prepared.failures else "")


def _doubts(prepared: Prepared, suspects: Sequence[Suspect]) -> str:
    """Said before training, so that labels can be corrected at once."""
    if not suspects:
        return "no label looks doubtful"
    found = [f"{prepared.dataset.photos[s.index].file} ({'not ' if s.given else ''}{s.label}?)" for s in suspects[:3]]
    look = "looks" if len(suspects) == 1 else "look"
    return (
        f"{pluralize(len(suspects), 'label')} {look} doubtful: {', '.join(found)}{', ...' if len(suspects) > 3 else ''}"
    )


def report_end(outcome: Outcome, folder: Path) -> None:
    """Say what came out and where it is."""
    for side, metrics in outcome.judgement.metrics.items():
        say(
            f"{side}: label accuracy {metrics.label_accuracy:.4f}, exact match {metrics.exact_match:.4f} "
            f"on {pluralize(metrics.photos, 'photo')}"
        )
    for side, silence in outcome.judgement.silence.items():
        say(f"{side} negatives: silent on {silence.silent:.4f} of {silence.photos}")
    if outcome.baseline:
        for side, metrics in outcome.baseline.metrics.items():
            say(f"{side}, by the tutorial's recipe: exact match {metrics.exact_match:.4f}")
    say(f"run written to {folder} (epoch {outcome.learned.best_epoch}, {describe_seconds(outcome.seconds)})")
    say(f"next: fashion-export --run {shlex.quote(str(folder))} --int8")
