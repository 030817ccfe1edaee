"""The command line of fashion-bench."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from fashion_edge.cli.common import FILE_OR_DIR, Number, run_command, version_flag
from fashion_edge.cli.signals import signals_interrupt

ENGINES = ("litert", "onnx", "tflite-runtime", "tensorflow")
EXAMPLE = """\b
Examples:
  fashion-bench                                  every variant of the newest bundle
  fashion-bench --json now.json --photos val     figures, raw samples and accuracy
  fashion-bench --photos val --accuracy-floor 0.9 --choose
                                                 what fashion-edge runs from now on
  fashion-bench --baseline old.json --gate 1.05  status 3 if something became slower
  fashion-bench --sustained 10m                  what heat leaves of it
  fashion-bench report now.json --markdown t.md  render again from the JSON alone
"""

ARGV = "fashion_bench.argv"
Command = Callable[..., Any]


def _output_options(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--json", "json_file", type=FILE_OR_DIR, help="Write raw samples and figures here."),
            click.option("--csv", type=FILE_OR_DIR, help="Write one line a case here."),
            click.option("--markdown", type=FILE_OR_DIR, help="Write the table for a README here."),
            click.option("--plots", type=FILE_OR_DIR, help="Write PNG plots into this folder."),
            click.option("--baseline", type=FILE_OR_DIR, help="Compare with this JSON of the same machine."),
            click.option("--gate", type=Number(1.0), help="Status 3 if slower than baseline times this."),
            click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
            click.option("--debug", is_flag=True, help="Show tracebacks."),
        )
    ):
        command = option(command)
    return command


def _choice_options(command: Command) -> Command:
    for option in reversed(
        (
            click.option(
                "--bundle", type=FILE_OR_DIR, help="Bundle folder [default: the newest, else the shipped one]."
            ),
            click.option("--runtime", "engines", multiple=True, type=click.Choice(ENGINES), help="Only these."),
            click.option("--precision", "precisions", multiple=True, help="Only these, as int8 or float32."),
            click.option("--threads", multiple=True, type=click.IntRange(1, 64), help="[default: 1, and all to 4]"),
            click.option(
                "--photos", type=FILE_OR_DIR, help="Folders named like red_dress, for exact match per variant."
            ),
            click.option("--operators", is_flag=True, help="Also time every operator."),
            click.option("--sustained", help="Also run the first variant this long, like 10m."),
            click.option("--end-to-end/--no-end-to-end", default=True, help="Stages from capture to encoded picture."),
            click.option("--source", help="Frames for the stages, as in fashion-edge [default: a rendered clip]."),
            click.option("--fps", default=30.0, type=Number(0.1), help="Camera cadence of the stages [30]."),
            click.option("--choose", is_flag=True, help="Write the fastest into the device profile."),
            click.option("--accuracy-floor", type=Number(0, 1), help="Least exact match to be chosen."),
            click.option("--profile", type=FILE_OR_DIR, help="Device profile to write [default: fashion-edge's own]."),
        )
    ):
        command = option(command)
    return command


def _timing_options(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--rounds", default=6, type=click.IntRange(1, 1000), help="Processes for each case [6]."),
            click.option("--min-seconds", default=3.0, type=Number(0), help="Steady time of a case [3]."),
            click.option("--min-samples", default=400, type=click.IntRange(1), help="Steady samples of a case [400]."),
            click.option("--max-seconds", default=60.0, type=Number(0.01), help="A case stops here [60]."),
            click.option("--warmup-seconds", default=0.3, type=Number(0), help="Before each block [0.3]."),
            click.option("--warmup-runs", default=10, type=click.IntRange(1), help="Before each block, at least [10]."),
            click.option("--seed", default=0, help="Of the order of the rounds [0]."),
            click.option("--stage-seconds", default=4.0, type=Number(0.1), help="End to end, each way [4]."),
        )
    ):
        command = option(command)
    return command


class _Group(click.Group):
    """A group that remembers the words it was called with: they stand in the results."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta[ARGV] = list(args)
        return super().parse_args(ctx, args)


@click.group(
    "fashion-bench",
    cls=_Group,
    invoke_without_command=True,
    epilog=EXAMPLE,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@_choice_options
@_timing_options
@_output_options
@version_flag
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> int | None:
    """Measure load, first and steady latency of every variant of a bundle, each in its own process."""
    if context.invoked_subcommand:
        _refuse_early_flags(context)
        return None
    from fashion_bench.app import Choice, run
    from fashion_bench.measure import Settings
    from fashion_bench.outputs import Outputs
    from fashion_bench.survey import Extent
    from fashion_bench.sustained import parse_duration

    sustained = flags.pop("sustained")
    flags["sustained_s"] = parse_duration(sustained) if sustained else None
    choice, extent = _take(Choice, flags), _take(Extent, flags)
    return run(choice, extent, _take(Settings, flags), _take(Outputs, flags), context.meta[ARGV])


def _refuse_early_flags(context: click.Context) -> None:
    """Flags before a subcommand would be dropped in silence, a gate among them.

    Raises:
        click.UsageError: names the first one.
    """
    for parameter in context.command.params:
        if context.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE:
            flag = parameter.opts[0]
            raise click.UsageError(f"{flag} stands before {context.invoked_subcommand}; put it behind, if it has one")


@command.command(
    "report",
    short_help="Render results again from their JSON.",
    epilog="Example: fashion-bench report now.json --markdown table.md",
)
@click.argument("files", nargs=-1, required=True, type=FILE_OR_DIR)
@_output_options
def report_command(files: tuple[Path, ...], **flags: Any) -> int:
    """Render results again from their JSON alone; several files must come from like machines."""
    from fashion_bench.app import report
    from fashion_bench.outputs import Outputs

    return report(files, _take(Outputs, flags))


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-bench`; returns the exit status."""
    with signals_interrupt():
        return run_command(command, argv)


def _take(kind: type[Any], flags: dict[str, Any]) -> Any:
    return kind(**{name: flags[name] for name in kind.__dataclass_fields__})


if __name__ == "__main__":
    sys.exit(main())
