"""The command `fashion-train`."""

import errno
import os
import shlex
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from fashion_edge.cli.common import FILE_OR_DIR, TEXT, Number, run_command, version_flag
from fashion_edge.cli.signals import signals_interrupt
from fashion_edge.console import say, suppress_output
from fashion_edge.defaults import RUNS
from fashion_edge.errors import MissingExtraError, OutputExistsError, RunError, UsageError

if TYPE_CHECKING:
    from fashion_train.options import TrainOptions


NEEDED = ("tensorflow", "keras", "sklearn", "matplotlib", "cv2")


def require_extra() -> None:
    """Refuse in one sentence where the extra is not installed.

    Raises:
        MissingExtraError: a library of the extra `train` is missing.
    """
    for module in NEEDED:
        if find_spec(module) is None:
            raise MissingExtraError(f"{module}, which fashion-train needs,", "train")


def load_tensorflow(*, debug: bool = False) -> None:
    """Import TensorFlow, which takes seconds, without its chatter."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with suppress_output(enabled=not debug):
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for a GPU now, and complains now where there is none


PHOTOS_PER_COMBINATION = 150
MARKER = "rendered.txt"


def rendered_dataset(seed: int) -> Path:
    """A folder of rendered photos, made once for each seed, below the temporary folder, where others may write, too.

    Raises:
        UsageError: what lies there was not made by this user's fashion-train.
    """
    from fashion_edge.atomic import atomic_folder, refuse_existing_folder
    from fashion_render import render_dataset

    folder = Path(tempfile.gettempdir()) / f"fashion-train-garments-{PHOTOS_PER_COMBINATION}-{seed}"
    if not folder.exists():
        say(f"no --dataset: rendering garments into {folder}")
        # where another training rendered the same meanwhile, its folder serves both
        with suppress(OutputExistsError), atomic_folder(folder, marker=MARKER) as part:
            render_dataset(part, PHOTOS_PER_COMBINATION, seed)
            (part / MARKER).write_text("Rendered by fashion-train where no --dataset was given; may be deleted.\n")
            refuse_existing_folder(folder, marker=MARKER, overwrite=False)
    if not (folder / MARKER).is_file() or folder.stat().st_uid != os.getuid():
        raise UsageError(f"{folder} was not rendered by your fashion-train; delete it, or give --dataset")
    return folder


ARCHS = ("compact", "smallervgg")
ARGUMENTS = "fashion_train.arguments"
RECIPE_NAMES = ("default", "tutorial")


class Remembering(click.Command):
    """A command that knows the arguments it was given, for run.json."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and keep a copy."""
        ctx.meta[ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@click.command(
    "fashion-train",
    cls=Remembering,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example: fashion-train --dataset photos --negatives other --out runs/first",
)
@click.option(
    "--dataset",
    type=FILE_OR_DIR,
    help="Folder of colour_garment folders, or a CSV file with the columns file,labels. Default: rendered garments.",
)
@click.option(
    "--out", type=FILE_OR_DIR, help="Run folder to write. Default: runs/<time>; with --resume the newest interrupted."
)
@click.option("--negatives", type=FILE_OR_DIR, help="Folder of photos that show nothing the labels name.")
@click.option(
    "--recipe",
    type=click.Choice(RECIPE_NAMES),
    default="default",
    show_default=True,
    help="How it learns; tutorial: the one this project is measured against.",
)
@click.option("--arch", type=click.Choice(ARCHS), help="Network. Default: the recipe's.")
@click.option(
    "--task",
    type=click.Choice(("multi-label", "single-label")),
    default="multi-label",
    show_default=True,
    help="Sigmoid outputs, or softmax where exactly one label is right.",
)
@click.option("--epochs", type=click.IntRange(1, 10_000), help="Default: the recipe's.")
@click.option("--batch", type=click.IntRange(1, 4096), help="Photos a step. Default: the recipe's.")
@click.option("--learning-rate", type=Number(0, 1, above=True), help="Default: the recipe's.")
@click.option(
    "--teacher-epochs",
    type=click.IntRange(0, 1000),
    help="Epochs of the large network that marks the pictures; 0: no teacher. Default: the recipe's.",
)
@click.option(
    "--patience", type=click.IntRange(1), help="Stop after so many epochs without a better one. Default: never."
)
@click.option("--mixed-precision", is_flag=True, help="Compute in float16; faster on a GPU, slower without one.")
@click.option("--size", type=TEXT, help="Input in pixels: 96, or WIDTHxHEIGHT as 96x120. Default: the network's.")
@click.option(
    "--fit",
    type=click.Choice(("stretch", "pad")),
    default="stretch",
    show_default=True,
    help="How a photo fills the input.",
)
@click.option(
    "--groups",
    type=TEXT,
    help="Labels that exclude each other: 'colour=black,red garment=dress,shirt'. Default: by word position.",
)
@click.option(
    "--holdout",
    type=TEXT,
    multiple=True,
    help="Combination to keep out of training and judge on, as black_dress; repeatable.",
)
@click.option(
    "--target-precision",
    type=Number(0, 1, above=True),
    help="Tune thresholds for this precision in place of F1.",
)
@click.option("--limit", type=click.IntRange(1), help="At most so many photos of each combination.")
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=42, show_default=True)
@click.option("--leave-one-combination-out", is_flag=True, help="Train without each combination in turn; report on it.")
@click.option("--tensorboard", type=FILE_OR_DIR, help="Folder for TensorBoard's event files.")
@click.option(
    "--baseline/--no-baseline",
    default=True,
    show_default=True,
    help="Train the tutorial's network on the same photos too, for the report.",
)
@click.option("--resume", is_flag=True, help="Go on after an interruption, with the same result.")
@click.option("--overwrite", is_flag=True, help="Replace the run folder if it exists.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@version_flag
def command(
    dataset: Path | None,
    out: Path | None,
    negatives: Path | None,
    recipe: str,
    arch: str | None,
    task: str,
    epochs: int | None,
    batch: int | None,
    learning_rate: float | None,
    teacher_epochs: int | None,
    patience: int | None,
    mixed_precision: bool,
    size: str | None,
    fit: str,
    groups: str | None,
    holdout: tuple[str, ...],
    target_precision: float | None,
    limit: int | None,
    seed: int,
    leave_one_combination_out: bool,
    tensorboard: Path | None,
    baseline: bool,
    resume: bool,
    overwrite: bool,
    debug: bool,
) -> int:
    """Train a small multi-label classifier on photos in folders named by their labels."""
    from fashion_edge.atomic import refuse_existing_folder

    out = out or (_interrupted_run() if resume else RUNS / datetime.now().strftime("%Y%m%d-%H%M%S"))
    marker = "leave_out.json" if leave_one_combination_out else "run.json"
    refuse_existing_folder(out, marker=marker, overwrite=overwrite or resume)

    require_extra()
    from fashion_train.data.dataset import check_apart, check_places, check_task, find_holdout, load_dataset
    from fashion_train.fit.stages import check_events
    from fashion_train.options import SOFTMAX, TrainOptions, find_recipe
    from fashion_train.size import parse_size

    with _naming_the_full_disk(out):
        options = TrainOptions(
            dataset=dataset or rendered_dataset(seed),
            out=out,
            recipe=find_recipe(
                recipe,
                arch=arch,
                epochs=epochs,
                batch=batch,
                learning_rate=learning_rate,
                teacher_epochs=teacher_epochs,
                patience=patience,
                mixed_precision=mixed_precision,
                **(SOFTMAX if task == "single-label" else {}),
            ),
            seed=seed,
            negatives=negatives,
            groups=groups,
            task=task,
            size=parse_size(size) if size else None,
            fit=fit,
            target_precision=target_precision,
            holdout=holdout,
            limit=limit,
            tensorboard=tensorboard,
            baseline=baseline and recipe != "tutorial",
            resume=resume,
            overwrite=overwrite or resume,
            command=_command_line(),
        )
        # what is wrong with it is said before TensorFlow takes its seconds
        check_places(options.dataset, negatives, out)
        if tensorboard is not None:
            check_events(tensorboard)
        found = load_dataset(options.dataset, groups)
        check_task(found, task, negatives)
        find_holdout(found, holdout)
        if negatives is not None:
            check_apart(found, negatives)
        load_tensorflow(debug=debug)
        return _train(options, leave_one_combination_out=leave_one_combination_out)


def _train(options: "TrainOptions", *, leave_one_combination_out: bool) -> int:
    """Train; where Ctrl-C leaves no run, say how to get it all the same."""
    from fashion_train.fit.loop import can_resume
    from fashion_train.leave_out import leave_one_out
    from fashion_train.train import run

    try:
        return leave_one_out(options) if leave_one_combination_out else run(options)
    except KeyboardInterrupt:
        if can_resume(options.out):
            say("no run is written, but what was learned is kept; the same command with --resume finishes it")
        raise


@contextmanager
def _naming_the_full_disk(out: Path) -> Iterator[None]:
    """Turn the system's error into one that says which of the two places that are written to has no room.

    Raises:
        UsageError: no space is left.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        scratch = Path(tempfile.gettempdir())
        folder = next(place for place in out.absolute().parents if place.exists())
        if shutil.disk_usage(scratch).free < shutil.disk_usage(folder).free:
            where = f"{scratch}, where pictures are kept meanwhile; free some or name another folder with TMPDIR"
        else:
            where = f"{folder} to write {out}; free some or name another folder with --out"
        raise UsageError(f"no space is left in {where}") from error


def _interrupted_run() -> Path:
    """The newest run below ./runs that has a checkpoint.

    Raises:
        RunError: there is none.
    """
    from fashion_train.fit.loop import find_interrupted

    found = find_interrupted(RUNS)
    if found is None:
        raise RunError(f"there is no checkpoint below {RUNS} to resume from; name the run with --out")
    say(f"resuming {found}")
    return found


def _command_line() -> str:
    """The command line as it was given."""
    return shlex.join(["fashion-train", *click.get_current_context().meta[ARGUMENTS]])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments; returns the exit status."""
    with signals_interrupt():
        return run_command(command, argv)
