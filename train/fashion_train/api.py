"""The public functions: they check all options, load TensorFlow, which takes seconds, and train."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashion_edge.atomic import atomic_folder, refuse_existing_folder, refuse_unwritable
from fashion_edge.console import suppress_output
from fashion_edge.defaults import RUNS
from fashion_edge.errors import MissingExtraError, OutputExistsError, RunError, UsageError
from fashion_edge.progress import Progress, make_progress
from fashion_train.data.dataset import check_disjoint, check_places, check_single_label, find_holdout, load_dataset
from fashion_train.fit.checkpoints import can_resume, find_interrupted
from fashion_train.options import SOFTMAX, TrainOptions, find_recipe, parse_size

if TYPE_CHECKING:
    from fashion_train.results import LeaveOneOut, Run

NEEDED = ("tensorflow", "keras", "sklearn", "matplotlib", "cv2")
RECIPE_CHANGES = ("arch", "epochs", "batch", "learning_rate", "teacher_epochs", "patience", "mixed_precision")
PHOTOS_PER_COMBINATION = 150  # of the rendered data set
MARKER = "rendered.txt"
CHOICES = {"task": ("multi-label", "single-label"), "fit": ("stretch", "pad")}


def train(
    dataset: str | Path | None = None,
    out: str | Path | None = None,
    *,
    negatives: str | Path | None = None,
    recipe: str = "default",
    arch: str | None = None,
    task: str = "multi-label",
    epochs: int | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    teacher_epochs: int | None = None,
    patience: int | None = None,
    mixed_precision: bool = False,
    size: str | int | None = None,
    fit: str = "stretch",
    groups: str | None = None,
    holdout: Sequence[str] = (),
    target_precision: float | None = None,
    limit: int | None = None,
    seed: int = 42,
    tensorboard: str | Path | None = None,
    baseline: bool = True,
    resume: bool = False,
    overwrite: bool = False,
    progress: bool | Callable[[str], object] = False,
    command: str = "fashion_train.train",
    debug: bool = False,
) -> "Run":
    """Train a small multi-label classifier and write a run folder.

    Ctrl-C during the epochs of the network ends them; the best epoch so far becomes the run.

    Args:
        dataset: folder of `colour_garment` folders, or a CSV file with the columns file,labels; None renders garments.
        out: run folder; None: `runs/<time>`, and with `resume` the newest interrupted one.
        negatives: folder of background images, which have none of the labels.
        recipe: "default", or "tutorial", the one that this project is compared with.
        arch: "compact" or "smallervgg". None, here and for the next five, takes the value of the recipe.
        task: "multi-label" (sigmoid), or "single-label" (softmax) where each photo has exactly one label.
        epochs: number of epochs.
        batch: photos per step.
        learning_rate: highest learning rate, 0..1.
        teacher_epochs: epochs of the teacher that gives soft labels; 0 trains on the labels alone.
        patience: early stopping after so many epochs without a better validation score.
        mixed_precision: compute in float16; faster on a GPU, slower without one.
        size: input in pixels, 96 or "96x120" (width by height); None: the architecture's.
        fit: how a photo fills the input: "stretch", or "pad" (letterbox).
        groups: labels that exclude each other, `colour=black,red garment=dress,shirt`; None: by word position.
        holdout: combinations to keep out of training and evaluate on, as "black_dress".
        target_precision: tune thresholds for this precision, 0..1, instead of the best F1.
        limit: most photos of each combination.
        seed: of the split, the shuffle, the augmentation and the weights.
        tensorboard: folder for TensorBoard's event files.
        baseline: train the tutorial's network on the same photos too, for the report.
        resume: continue an interrupted training, with the same result.
        overwrite: replace the run folder if it exists.
        progress: True shows progress on standard error; a function is called with each line; False shows nothing.
        command: how the run was made, for its report.
        debug: show what TensorFlow prints while it loads.

    Returns:
        The run: its path, labels and metrics.

    Raises:
        DatasetError: there is nothing to train on.
        UsageError: an option has an invalid value.
        RunError: there is nothing to resume.
        OutputExistsError: the run folder exists, and `overwrite` is false.
        MissingExtraError: a library of the extra `train` is not installed.
        KeyboardInterrupt: Ctrl-C before the first epoch of the network is done, or after its last.

    Example:
        >>> run = train(dataset="photos", negatives="other", out="runs/first")
        >>> run.metrics["test"].exact_match
        0.9712
    """
    with _started("run.json", dict(locals())) as options:
        from fashion_train.training import run

        return run(options)


def leave_one_combination_out(**options: Any) -> "LeaveOneOut":
    """Train without each combination of labels in turn, and measure exact match on the photos of that combination.

    Args:
        options: those of `train`, but `holdout`.

    Returns:
        Where the table is, and its rows.

    Raises:
        DatasetError: no combination can be left out.

    Example:
        >>> found = leave_one_combination_out(dataset="photos", out="runs/unseen")
        >>> {row.combination: row.unseen_exact for row in found.rows}
        {'black_dress': 0.75, 'red_shirt': 0.9}
    """
    defaults = {"dataset": None, "out": None, **(train.__kwdefaults__ or {})}
    if unknown := sorted(set(options) - set(defaults)):
        raise TypeError(f"train has no option {unknown[0]!r}")
    with _started("leave_out.json", defaults | options) as train_options:
        from fashion_train.leave_one_out import leave_one_out

        return leave_one_out(train_options)


@contextmanager
def _started(marker: str, given: Mapping[str, Any]) -> Iterator[TrainOptions]:
    """Refuse wrong options before TensorFlow takes its seconds; the block trains."""
    progress = make_progress(given["progress"])
    out = Path(given["out"] or _default_out(progress, resume=given["resume"]))
    refuse_existing_folder(out, marker=marker, overwrite=given["overwrite"] or given["resume"])
    for module in NEEDED:
        if find_spec(module) is None:
            raise MissingExtraError(f"{module}, which fashion-train needs,", "train")
    with _explain_full_disk(out):
        dataset = Path(given["dataset"] or rendered_dataset(given["seed"], progress))
        options = make_options({**given, "dataset": dataset, "out": out, "progress": progress})
        check(options)
        load_tensorflow(debug=given["debug"])
        try:
            yield options
        except KeyboardInterrupt:
            if can_resume(out):
                progress.line("no run is written, but a checkpoint; the same command with --resume finishes it")
            raise


def _default_out(progress: Progress, *, resume: bool) -> Path:
    """A new run folder, or the newest interrupted one."""
    if not resume:
        return RUNS / datetime.now().strftime("%Y%m%d-%H%M%S")
    found = find_interrupted(RUNS)
    if found is None:
        raise RunError(f"there is no checkpoint below {RUNS} to resume from; name the run with --out")
    progress.line(f"resuming {found}")
    return found


def rendered_dataset(seed: int, progress: Progress) -> Path:
    """A folder of rendered photos, made once for each seed, below the temporary folder, where others may write, too."""
    from fashion_render import render_dataset

    folder = Path(tempfile.gettempdir()) / f"fashion-train-garments-{PHOTOS_PER_COMBINATION}-{seed}"
    if not folder.exists():
        progress.line(f"no --dataset: rendering garments into {folder}")
        # where another training rendered the same in the meantime, both use its folder
        with suppress(OutputExistsError), atomic_folder(folder, marker=MARKER) as part:
            render_dataset(part, PHOTOS_PER_COMBINATION, seed)
            (part / MARKER).write_text("Rendered by fashion-train where no --dataset was given; may be deleted.\n")
            refuse_existing_folder(folder, marker=MARKER, overwrite=False)
    if not (folder / MARKER).is_file() or folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} was not rendered by your fashion-train; delete it, or give --dataset")
    return folder


def make_options(given: Mapping[str, Any]) -> TrainOptions:
    """The options that the arguments of `train` mean."""
    changes = {name: given[name] for name in RECIPE_CHANGES}
    softmax = SOFTMAX if given["task"] == "single-label" else {}
    same = ("dataset", "out", "seed", "groups", "task", "fit", "target_precision", "limit", "resume", "command")
    return TrainOptions(
        recipe=find_recipe(given["recipe"], **changes, **softmax),
        negatives=given["negatives"] and Path(given["negatives"]),
        size=parse_size(str(given["size"])) if given["size"] else None,
        holdout=tuple(given["holdout"]),
        tensorboard=given["tensorboard"] and Path(given["tensorboard"]),
        baseline=given["baseline"] and given["recipe"] != "tutorial",
        overwrite=given["overwrite"] or given["resume"],
        progress=given["progress"],
        **{name: given[name] for name in same},
    )


def check(options: TrainOptions) -> None:
    """Refuse what can be found out without decoding a photo."""
    for name, value in (("task", options.task), ("fit", options.fit)):
        if value not in CHOICES[name]:
            raise UsageError(f"{name} {value!r} is not one of {', '.join(CHOICES[name])}")
    if min(options.recipe.epochs, options.recipe.batch) < 1:
        raise UsageError("epochs and batch must be at least 1")
    check_places(options.dataset, options.negatives, options.out)
    if options.tensorboard is not None:
        refuse_unwritable(f"--tensorboard {options.tensorboard}", options.tensorboard, "folder")
    dataset = load_dataset(options.dataset, options.groups)
    if options.task == "single-label":
        check_single_label(dataset, options.negatives)
    find_holdout(dataset, options.holdout)
    if options.negatives is not None:
        check_disjoint(dataset, options.negatives)


def load_tensorflow(*, debug: bool = False) -> None:
    """Import TensorFlow without its messages."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with suppress_output(enabled=not debug):
        import tensorflow as tf

        tf.config.list_physical_devices()  # searches for a GPU now, and prints its warning now where there is none


@contextmanager
def _explain_full_disk(out: Path) -> Iterator[None]:
    """Turn the system's error into one that names the place without room: the temporary or the run's folder."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        scratch = Path(tempfile.gettempdir())
        folder = next(place for place in out.absolute().parents if place.exists())
        if shutil.disk_usage(scratch).free < shutil.disk_usage(folder).free:
            where = f"{scratch}, where decoded photos are kept; free some or name another folder with TMPDIR"
        else:
            where = f"{folder} to write {out}; free some or name another folder with --out"
        raise UsageError(f"no space is left in {where}") from error
