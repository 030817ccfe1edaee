"""The command `fashion-train`."""

import shlex
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
    group,
    run_command,
    version_flag,
)
from fashion_edge.cli.signals import signals_interrupt

ARGUMENTS = "fashion_train.arguments"
EPILOG = f"""\b
Examples:
  fashion-train                                     trains on rendered garments
  fashion-train --dataset photos --negatives other --out runs/first
  fashion-train --dataset photos --groups 'colour=black,red garment=dress,shirt'
  fashion-train --dataset photos --recipe tutorial --out runs/tutorial

{EXIT_STATUSES}"""


class RecordingCommand(GroupedCommand):
    """Keeps the arguments as they were given, for run.json."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and keep a copy."""
        ctx.meta[ARGUMENTS] = list(args)
        return super().parse_args(ctx, args)


@click.command(
    "fashion-train",
    cls=RecordingCommand,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EPILOG,
)
@group(
    "Data",
    click.option(
        "--dataset",
        type=FILE_OR_DIR,
        help="Folder of colour_garment folders, or a CSV file with columns file,labels. Default: rendered garments.",
    ),
    click.option("--negatives", type=DIR, help="Folder of background images, which have none of the labels."),
    click.option(
        "--groups",
        type=TEXT,
        help="Labels that exclude each other: 'colour=black,red garment=dress,shirt'. Default: by word position.",
    ),
    click.option(
        "--holdout",
        type=TEXT,
        multiple=True,
        help="Combination to keep out of training and evaluate on, as black_dress; repeatable.",
    ),
    click.option(
        "--leave-one-combination-out", is_flag=True, help="Train without each combination in turn, and evaluate on it."
    ),
    click.option("--limit", type=click.IntRange(1), help="Most photos of each combination."),
)
@group(
    "Training",
    click.option(
        "--recipe",
        type=click.Choice(("default", "tutorial")),
        default="default",
        show_default=True,
        help="How to train; tutorial: the recipe that this project is compared with.",
    ),
    click.option("--epochs", type=click.IntRange(1, 10_000), help="Default: the recipe's, as for the next four."),
    click.option("--batch", type=click.IntRange(1, 4096), help="Photos per step."),
    click.option("--learning-rate", type=Number(0, 1, above=True), help="Highest learning rate."),
    click.option(
        "--teacher-epochs",
        type=click.IntRange(0, 1000),
        help="Epochs of the large network that gives soft labels; 0: no teacher.",
    ),
    click.option("--patience", type=click.IntRange(1), help="Early stopping after so many epochs without improvement."),
    click.option("--mixed-precision", is_flag=True, help="Compute in float16; faster on a GPU, slower without one."),
    click.option(
        "--baseline/--no-baseline",
        default=True,
        show_default=True,
        help="Train the tutorial's network on the same photos too, for the report.",
    ),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), default=42, show_default=True, help="Random seed."),
)
@group(
    "Network",
    click.option("--arch", type=click.Choice(("compact", "smallervgg")), help="Network. Default: the recipe's."),
    click.option(
        "--task",
        type=click.Choice(("multi-label", "single-label")),
        default="multi-label",
        show_default=True,
        help="Sigmoid outputs, or softmax where each photo has exactly one label.",
    ),
    click.option("--size", type=TEXT, help="Input in pixels: 96, or WIDTHxHEIGHT as 96x120. Default: the network's."),
    click.option(
        "--fit",
        type=click.Choice(("stretch", "pad")),
        default="stretch",
        show_default=True,
        help="How a photo fills the input; pad: letterbox.",
    ),
    click.option(
        "--target-precision", type=Number(0, 1, above=True), help="Tune thresholds for this precision instead of F1."
    ),
)
@group(
    "Output",
    click.option(
        "--out", type=DIR, help="Run folder to write. Default: runs/<time>; with --resume the newest interrupted."
    ),
    click.option("--tensorboard", type=DIR, help="Folder for TensorBoard's event files."),
    click.option("--resume", is_flag=True, help="Continue after an interruption, with the same result."),
    click.option("--overwrite", is_flag=True, help="Replace the run folder if it exists."),
    click.option("--debug", is_flag=True, help="Show tracebacks."),
)
@version_flag
def command(leave_one_combination_out: bool, **options: Any) -> int:
    """Train a small multi-label classifier on photos in folders named by their labels."""
    import fashion_train

    options["command"] = shlex.join(["fashion-train", *click.get_current_context().meta[ARGUMENTS]])
    if leave_one_combination_out:
        return 1 if fashion_train.leave_one_combination_out(**options, progress=True).unreadable else 0
    return 1 if fashion_train.train(**options, progress=True).unreadable else 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with these arguments; returns the exit status."""
    with signals_interrupt():
        return run_command(command, argv)
