"""Fitting the networks of a run: the teacher, the small one that learns from it, the tutorial's for comparison."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import refuse_unwritable
from fashion_edge.console import say
from fashion_edge.errors import brief
from fashion_edge.opencv import cv2
from fashion_edge.progress import Progress
from fashion_train.data.batches import Drawer, Schedule
from fashion_train.data.prepare import Prepared, prepare
from fashion_train.data.samples import Sampler
from fashion_train.fit.distillation import TransferSet, make_transfer_set
from fashion_train.fit.learner import Epoch, Learner
from fashion_train.fit.loop import (
    Learned,
    Validation,
    checkpoint_path,
    identify,
    load_checkpoint,
    run_epochs,
    save_checkpoint,
)
from fashion_train.fit.teacher import build_teacher, teacher_recipe
from fashion_train.fit.workers import find_team
from fashion_train.input_speed import PICTURES, InputSpeed, measure_inputs
from fashion_train.networks import NetworkOptions, find_architecture, precision
from fashion_train.options import Recipe, TrainOptions, find_recipe
from fashion_train.size import Size
from fashion_train.tune.evaluate import Judgement, judge

if TYPE_CHECKING:
    import keras


def check_events(folder: Path) -> None:
    """Refuse a folder that no event file can be written into: better now than when all photos are read.

    Raises:
        UsageError: says why.
    """
    refuse_unwritable(f"--tensorboard {folder}", folder, "folder")


def tensorboard_log(folder: Path | None) -> Callable[[Epoch], None]:
    """A function that adds one epoch's numbers to the event file in a folder; one that does nothing for None."""
    if folder is None:
        return lambda _epoch: None
    import tensorflow as tf

    writer = tf.summary.create_file_writer(str(folder))

    def log(epoch: Epoch) -> None:
        with writer.as_default(step=epoch.epoch):
            for name, value in asdict(epoch).items():
                if name != "epoch":
                    tf.summary.scalar(name, value)
        writer.flush()

    return log


VALIDATED = 2000  # photos at most that judge each epoch: they are kept in memory
TEACHER, STUDENT, BASELINE = "teacher", "network", "baseline"  # the networks that a run may fit


def be_taught(options: TrainOptions, prepared: Prepared, sampler: Sampler) -> TransferSet:
    """Fit the teacher, then have it mark the pictures that the small network will learn from.

    Raises:
        KeyboardInterrupt: Ctrl-C while the teacher learned; `--resume` goes on from its last epoch.
    """
    with precision(options.recipe.mixed_precision):
        network = build_teacher(NetworkOptions(sampler.size, prepared.targets.shape[1], options.task, options.seed))
    teacher, learned = fit(TEACHER, network, teacher_recipe(options.recipe), options, prepared, sampler)
    if learned.interrupted:
        raise KeyboardInterrupt
    progress = Progress()
    title = "the teacher marks pictures"
    return make_transfer_set(
        sampler,
        teacher.predict,
        prepared.spec.shape[:2],
        options.seed,
        lambda n, total: progress.update(title, n, total),
    )


def stand_beside(
    options: TrainOptions, prepared: Prepared, drawers: Mapping[str, tuple[Drawer, Size]]
) -> tuple[tuple[InputSpeed, ...], Judgement | None]:
    """How fast pictures are made beside the tutorial's generator, and how good the tutorial's recipe is on the photos.

    Ctrl-C, or a TensorFlow without the generator, leaves out what is not done by then: what the run is about is done,
    and must be written.

    Args:
        options: of the run.
        prepared: its photos.
        drawers: name -> what the run's networks learned from, and its size.
    """
    inputs: tuple[InputSpeed, ...] = ()
    try:
        some = prepared.on("train")[:PICTURES]
        try:
            inputs = measure_inputs(prepared.decoded.exact.read_many(some), prepared.targets[some], drawers)
        except (AttributeError, ImportError) as error:  # Keras calls it deprecated, and it needs SciPy
            why = f"the tutorial's ImageDataGenerator fails: {brief(error)}"
            say(f"fashion-train: pictures a second are left out, {why}")
        return inputs, _fit_baseline(options, prepared)
    except KeyboardInterrupt:
        return inputs, None


def _fit_baseline(options: TrainOptions, prepared: Prepared) -> Judgement | None:
    """The tutorial's network by the tutorial's recipe on the same photos, at thresholds of 0.5; None if cut short."""
    recipe = replace(find_recipe("tutorial"), fractions=options.recipe.fractions)
    architecture = find_architecture(recipe.arch)
    smaller = at_size(options, recipe, prepared, options.size or architecture.input_size)
    wanted = NetworkOptions(smaller.spec.shape[:2], len(prepared.dataset.labels), options.task, options.seed)
    network = architecture.build(wanted)
    learner, learned = fit(BASELINE, network, recipe, options, smaller, Sampler.of(smaller, recipe))
    return None if learned.interrupted else judge(learner.predict, smaller, prepared.untuned)


def at_size(options: TrainOptions, recipe: Recipe, prepared: Prepared, size: Size) -> Prepared:
    """The same photos on the same sides for a network of another input size; as they are where it is theirs."""
    if prepared.spec.shape[:2] == size:
        return prepared
    progress = Progress()
    found = prepare(replace(options, recipe=recipe), size, progress.update)
    progress.close()
    return found


def fit(
    name: str, model: "keras.Model", recipe: Recipe, options: TrainOptions, prepared: Prepared, drawer: Drawer
) -> tuple[Learner, Learned]:
    """Run the epochs of one network of a run, with a checkpoint beside the run folder."""
    import keras

    keras.utils.set_random_seed(options.seed)
    team = find_team()
    schedule = Schedule(len(drawer), recipe.batch, recipe.epochs, options.seed, team)
    learner = Learner(name, model, recipe, schedule.steps_per_epoch, options.task)
    judges = validation_photos(prepared)
    pictures = pictures_of(prepared, judges, model.input_shape[1:3])
    validation = Validation(pictures, prepared.targets[judges], prepared.untuned)
    path = checkpoint_path(options.out, name)
    identity = identify_fit(options, prepared)
    resumed = load_checkpoint(path, identity) if options.resume and path.is_file() else None
    learned = run_epochs(
        learner,
        drawer,
        schedule,
        validation,
        resumed,
        keep=(lambda checkpoint: save_checkpoint(path, checkpoint, identity)) if team.chief else (lambda _: None),
        log=tensorboard_log(options.tensorboard / name if options.tensorboard and team.chief else None),
    )
    return learner, learned


def identify_fit(options: TrainOptions, prepared: Prepared) -> str:
    """What a checkpoint belongs to: all that decides which pictures a network learns from, and how.

    A network takes pictures of any size, so weights of another --size, --holdout or --negatives would fit, and the run
    would have learned half of the time something else than it says.
    """
    negatives = prepared.negatives and (prepared.negatives.decoded.content_hashes, prepared.negatives.sides)
    pictures = prepared.sha256, prepared.sides, negatives, prepared.spec
    return identify(options.recipe, options.task, options.seed, prepared.dataset.groups, pictures)


def checkpoint_paths(options: TrainOptions) -> list[Path]:
    """Where the networks of a run keep their checkpoints."""
    return [checkpoint_path(options.out, name) for name in (TEACHER, STUDENT, BASELINE)]


def has_checkpoint(options: TrainOptions) -> bool:
    """Whether a run was interrupted that can be resumed."""
    return any(path.is_file() for path in checkpoint_paths(options))


def forget_checkpoints(options: TrainOptions) -> None:
    """Remove what an interruption would have needed."""
    for path in checkpoint_paths(options):
        path.unlink(missing_ok=True)


def validation_photos(prepared: Prepared) -> list[int]:
    """The validation photos that judge each epoch: all of them, or of a large data set evenly chosen ones."""
    found = prepared.on("val")
    return found[:: -(-len(found) // VALIDATED)]


def pictures_of(prepared: Prepared, indices: Sequence[int], size: Size) -> NDArray[np.uint8]:
    """Photos as a network of that input size sees them, (n, *size, 3)."""
    if size == prepared.spec.shape[:2]:
        return prepared.decoded.exact.read_many(indices)
    large = prepared.decoded.large
    found = np.empty((len(indices), *size, 3), np.uint8)
    for place, index in enumerate(indices):
        cv2.resize(large.read(index), size[::-1], found[place], interpolation=cv2.INTER_AREA)
    return found
