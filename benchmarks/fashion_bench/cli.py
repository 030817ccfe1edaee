"""The command line of fashion-bench."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from fashion_edge.console import run_command

ENGINES = ("litert", "onnx", "tflite-runtime", "tensorflow")
EXAMPLE = """\b
Examples:
  fashion-bench                                  every variant of the newest bundle
  fashion-bench --json now.json --photos val     figures, raw samples and accuracy
  fashion-bench --baseline old.json --gate 1.05  status 3 if something became slower
  fashion-bench report now.json --markdown t.md  render again from the JSON alone
"""


@click.group("fashion-bench", invoke_without_command=True, epilog=EXAMPLE)
@click.option(
    "--bundle", type=click.Path(path_type=Path), help="Bundle folder [default: newest, else the shipped one]."
)
@click.option("--runtime", "engines", multiple=True, type=click.Choice(ENGINES), help="Only these runtimes.")
@click.option("--precision", "precisions", multiple=True, help="Only these precisions, as int8 or float32.")
@click.option(
    "--threads", multiple=True, type=click.IntRange(1, 64), help="Thread counts [default: 1 and all, up to 4]."
)
@click.option("--rounds", default=6, show_default=True, type=click.IntRange(1, 1000), help="Processes for each case.")
@click.option("--min-seconds", default=3.0, show_default=True, type=click.FloatRange(0), help="Steady time of a case.")
@click.option("--min-samples", default=400, show_default=True, type=click.IntRange(1), help="Steady samples of a case.")
@click.option("--max-seconds", default=60.0, show_default=True, type=click.FloatRange(0.01), help="A case stops here.")
@click.option("--warmup-seconds", default=0.3, show_default=True, type=click.FloatRange(0))
@click.option("--warmup-runs", default=10, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, help="Seed of the order of the rounds.")
@click.option("--photos", type=click.Path(path_type=Path), help="Labelled photos, for exact match per variant.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write raw samples and figures here.")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
@click.pass_context
def command(context: click.Context, /, **options: Any) -> int | None:
    """Measure load, first and steady latency of every variant of a bundle, each in its own process."""
    if context.invoked_subcommand:
        return None
    from fashion_bench.app import Options, run

    options.pop("debug")
    return run(Options(**options), sys.argv[1:])


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-bench`; returns the exit status."""
    return run_command(command, argv)


if __name__ == "__main__":
    sys.exit(main())
