"""The command `fashion-train`."""

from collections.abc import Sequence
from typing import Any

import click

from fashion_edge.cli.common import (
    DIR,
    EXIT_STATUSES,
    FILE_OR_DIR,
    TEXT,
    GroupedCommand,
    Number,
    command_line,
    flags,
    option,
    run_command,
    version_flag,
)
from fashion_edge.cli.signals import signals_interrupt

RECIPE, TASK = click.Choice(("default", "tutorial")), click.Choice(("multi-label", "single-label"))
EPILOG = f"""\b
Examples:
  fashion-train                                     rendered garments
  fashion-train --dataset photos --negatives other --out runs/first
  fashion-train --dataset photos --groups 'colour=black,red item=dress,hat'
  fashion-train --dataset photos --recipe tutorial --out runs/tutorial

{EXIT_STATUSES}"""


@click.command(
    "fashion-train",
    cls=GroupedCommand,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@flags(
    "Data",
    dataset=option(
        FILE_OR_DIR,
        "Folder of colour_garment folders, or a CSV file with columns file,labels. Default: rendered garments.",
    ),
    negatives=option(DIR, "Folder of background images, which have none of the labels."),
    groups=option(
        TEXT, "Labels that exclude each other: 'colour=black,red garment=dress,shirt'. Default: by word position."
    ),
    holdout=option(
        TEXT, "Combination to keep out of training and evaluate on, as black_dress; repeatable.", multiple=True
    ),
    leave_one_combination_out=option(bool, "Train without each combination in turn, and evaluate on it."),
    limit=option(click.IntRange(1), "Most photos of each combination."),
)
@flags(
    "Training",
    recipe=option(RECIPE, "How to train; tutorial: the recipe that this project is compared with.", "default"),
    epochs=option(click.IntRange(1, 10_000), "Default: the recipe's, as for the next four."),
    batch=option(click.IntRange(1, 4096), "Photos per step."),
    learning_rate=option(Number(0, 1, above=True), "Highest learning rate."),
    teacher_epochs=option(
        click.IntRange(0, 1000), "Epochs of the large network that gives soft labels; 0: no teacher."
    ),
    patience=option(click.IntRange(1), "Early stopping after so many epochs without improvement."),
    mixed_precision=option(bool, "Compute in float16; faster on a GPU, slower without one."),
    baseline=option(
        click.BOOL,
        "Train the tutorial's network on the same photos too, for the report.",
        True,
        "--baseline/--no-baseline",
    ),
    seed=option(click.IntRange(0, 2**31 - 1), "Random seed.", 42),
)
@flags(
    "Network",
    arch=option(click.Choice(("compact", "smallervgg")), "Network. Default: the recipe's."),
    task=option(TASK, "Sigmoid outputs, or softmax where each photo has exactly one label.", "multi-label"),
    size=option(TEXT, "Input in pixels: 96, or WIDTHxHEIGHT as 96x120. Default: the network's."),
    fit=option(click.Choice(("stretch", "pad")), "How a photo fills the input; pad: letterbox.", "stretch"),
    target_precision=option(Number(0, 1, above=True), "Tune thresholds for this precision instead of F1."),
)
@flags(
    "Output",
    out=option(DIR, "Run folder to write. Default: runs/<time>; with --resume the newest interrupted."),
    tensorboard=option(DIR, "Folder for TensorBoard's event files."),
    resume=option(bool, "Continue after an interruption, with the same result."),
    overwrite=option(bool, "Replace the run folder if it exists."),
    debug=option(bool, "Show tracebacks."),
)
@version_flag
def command(leave_one_combination_out: bool, **options: Any) -> int:
    """Train a small multi-label classifier on photos in folders named by their labels."""
    import fashion_train

    options["command"] = command_line()
    if leave_one_combination_out:
        return 1 if fashion_train.leave_one_combination_out(**options, progress=True).unreadable else 0
    return 1 if fashion_train.train(**options, progress=True).unreadable else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments; returns the exit status."""
    with signals_interrupt():
        return run_command(command, argv)
