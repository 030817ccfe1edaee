"""The command line of fashion-bench."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fashion_bench.settings import Passes, Timing
from fashion_edge.cli.common import (
    DIR,
    EXIT_STATUSES,
    FILE,
    INTERRUPTED,
    SECONDS,
    TEXT,
    GroupedCommand,
    Number,
    command_line,
    flags,
    given_options,
    option,
    run_command,
    version_flag,
)
from fashion_edge.cli.signals import signals_interrupt
from fashion_edge.console import pluralize, say
from fashion_edge.errors import UsageError

if TYPE_CHECKING:
    from fashion_bench.document import Document
    from fashion_bench.report import Outputs
    from fashion_edge.bundle import Bundle

ENGINES = ("litert", "onnx", "tflite-runtime", "tensorflow")
EXAMPLE = """\b
Examples:
  fashion-bench                                  every variant, newest bundle
  fashion-bench --json now.json --photos val     raw samples and accuracy
  fashion-bench --photos val --accuracy-floor 0.9 --choose
                                                 choose what fashion-edge runs
  fashion-bench --baseline old.json --gate 1.05  status 3 if slower
  fashion-bench --sustained 10m                  how much speed heat costs
  fashion-bench report now.json --markdown t.md  render the JSON again
\n
"""
REPORT_EXAMPLE = """\b
Examples:
  fashion-bench report now.json --markdown table.md
  fashion-bench report now.json --baseline old.json --gate 1.05
\n
"""
SECONDS_OR_0 = Number(0, unit="SECONDS")
SHARE = Number(0, 1)


class Duration(click.ParamType):  # type: ignore[type-arg]  # older click has no type arguments
    """Seconds of `90s`, `10m`, `1h` or `45`."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", str(value).strip())
        if not found or not float(found[1]):
            self.fail(f"duration {value!r} is not a number followed by s, m or h, like 10m", param, ctx)
        return float(found[1]) * {"s": 1, "m": 60, "h": 3600}[found[2] or "s"]


WHAT = flags(
    "What is measured",
    bundle=option(DIR, "Bundle folder [default: the newest, else the shipped one]."),
    engines=option(click.Choice(ENGINES), "Measure only these runtimes.", name="--runtime", multiple=True),
    precisions=option(TEXT, "Measure only these, such as int8.", name="--precision", multiple=True),
    threads=option(
        click.IntRange(1, 64), "Thread counts [default: 1, and the number of cores up to 4].", multiple=True
    ),
    photos=option(DIR, "Folders named like red_dress, for exact match per variant."),
    operators=option(bool, "Also time every operator."),
    sustained_s=option(Duration(), "Also run the first variant this long, like 10m.", name="--sustained"),
)
STAGES = flags(
    "From capture to encoded picture",
    Passes,
    end_to_end=option(
        click.BOOL, "Time each stage, for the first variant.", name="--end-to-end/--no-end-to-end", show_default=False
    ),
    source=option(TEXT, "Frames, as in fashion-edge [default: a rendered clip]."),
    fps=option(Number(0.1), "Frames a second of the camera."),
    stage_seconds=option(Number(0.1, unit="SECONDS"), "Time at --fps, and again without a limit."),
)
TIMING = flags(
    "How long",
    Timing,
    rounds=option(click.IntRange(1, 1000), "Processes for each case."),
    min_seconds=option(SECONDS_OR_0, "Minimum steady time of a case."),
    min_samples=option(click.IntRange(1), "Minimum steady samples of a case."),
    max_seconds=option(SECONDS, "Maximum steady time of a case."),
    warmup_seconds=option(SECONDS_OR_0, "Minimum warm-up of each process."),
    warmup_runs=option(click.IntRange(1), "Minimum inferences of the warm-up."),
    seed=option(int, "Seed of the order of the rounds."),
)
CHOICE = flags(
    "Choice for this device",
    choose=option(bool, "Write the fastest variant into the device profile."),
    accuracy_floor=option(SHARE, "Lowest exact match that can be chosen."),
    profile=option(FILE, "Device profile to write [default: fashion-edge's own]."),
)
OUTPUT = flags(
    "Output",
    json_file=option(FILE, "Write raw samples and figures.", name="--json"),
    csv=option(FILE, "Write one line a case."),
    markdown=option(FILE, "Write the table for a README."),
    plots=option(DIR, "Write PNG plots into this folder."),
    baseline=option(FILE, "Compare with this JSON of the same machine."),
    gate=option(Number(1.0), "Status 3 if slower than baseline times this."),
    overwrite=option(bool, "Replace outputs that exist."),
    debug=option(bool, "Show tracebacks."),
)


class _Group(GroupedCommand, click.Group):
    """A group that lists its options by group."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        self.format_commands(ctx, formatter)


@click.group(
    "fashion-bench",
    cls=_Group,
    invoke_without_command=True,
    epilog=EXAMPLE + EXIT_STATUSES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@WHAT
@STAGES
@TIMING
@CHOICE
@OUTPUT
@version_flag
@click.pass_context
def command(context: click.Context, /, **flags: Any) -> int | None:
    """Measure load, first and steady latency of every variant of a bundle, each in its own process."""
    if context.invoked_subcommand:
        _refuse_early_flags(context)
        return None
    from fashion_bench.report import Outputs

    passes, outputs = _take(Passes, flags), _take(Outputs, flags)
    baseline = _check(flags, passes, outputs)
    return _run(flags, passes, outputs, baseline)


def _refuse_early_flags(context: click.Context) -> None:
    """Options before a subcommand, such as a gate, would be ignored.

    Raises:
        click.UsageError: names the first one.
    """
    for given in given_options(context):
        flag, name = given.opts[0], context.invoked_subcommand
        raise click.UsageError(f"{flag} is given before {name}; give it after {name}, if that has it")


def _check(flags: dict[str, Any], passes: Passes, outputs: "Outputs") -> "Document | None":
    """Check what can be checked before minutes of measuring; returns the baseline.

    Raises:
        UsageError: names the option.
    """
    from fashion_bench.machine import describe_machine
    from fashion_edge.atomic import refuse_unwritable_file
    from fashion_edge.loading import default_profile
    from fashion_edge.sources import open_source

    floor, profile = flags["accuracy_floor"], flags["profile"]
    if floor is not None and not passes.photos:
        raise UsageError(f"--accuracy-floor {floor:g} needs labelled photos: add --photos DIR")
    if floor is not None and not flags["choose"]:
        raise UsageError(f"--accuracy-floor {floor:g} is for --choose; add --choose")
    if profile and not flags["choose"]:
        raise UsageError(f"--profile {profile} is where --choose writes; add --choose")
    if flags["choose"]:
        profile = profile or default_profile()
        refuse_unwritable_file(f"--profile {profile}", profile)
    if passes.source and passes.end_to_end:
        open_source(passes.source)
    baseline = outputs.check()
    if baseline and (differences := baseline.machine.differences(describe_machine())):
        raise UsageError(
            f"{outputs.baseline} and this machine are unlike ({'; '.join(differences)}); measure a baseline here"
        )
    return baseline


def _run(flags: dict[str, Any], passes: Passes, outputs: "Outputs", baseline: "Document | None") -> int:
    from fashion_bench.cases import plan_cases
    from fashion_bench.endtoend import find_labelled_photos
    from fashion_bench.report import write_outputs
    from fashion_bench.run import benchmark
    from fashion_edge.bundle import load_bundle
    from fashion_edge.defaults import find_bundle
    from fashion_edge.progress import Progress

    bundle = load_bundle(find_bundle(flags["bundle"]))
    if passes.photos:
        find_labelled_photos(passes.photos, bundle.manifest.space.labels)
    cases = plan_cases(bundle, flags["threads"], flags["engines"], flags["precisions"])
    rounds = pluralize(flags["rounds"], "round")
    say(f"fashion-bench: {pluralize(len(cases), 'case')} of {bundle.path}, {rounds}")
    with Progress("fashion-bench") as progress:
        document = benchmark(
            bundle, cases, _take(Timing, flags), passes, progress=progress.update, command=command_line()
        )
    write_outputs(document, outputs, baseline)
    if document.interrupted:
        return INTERRUPTED
    if flags["choose"]:
        _write_choice(document, bundle, flags["accuracy_floor"], flags["profile"])
    return 1 if document.skipped else 0


def _write_choice(document: "Document", bundle: "Bundle", floor: float | None, file: Path | None) -> None:
    """Choose, write the profile, and print what was chosen.

    Raises:
        GateError: no result qualifies.
    """
    from fashion_bench.verdict import choose_result, make_profile
    from fashion_edge.loading import default_profile, write_profile

    path = file or default_profile()
    profile = make_profile(choose_result(document.results, floor), bundle, document.created)
    write_profile(path, profile)
    use = f"fashion-edge --profile {path} runs it" if file else f"fashion-edge starts with it from now on: {path}"
    chosen = f"{profile.runtime} {profile.precision}, {pluralize(profile.threads, 'thread')}"
    say(f"fashion-bench: chose {chosen} ({profile.reason}); {use}")


@command.command(
    "report",
    cls=GroupedCommand,
    short_help="Render results again from their JSON.",
    epilog=REPORT_EXAMPLE + EXIT_STATUSES,
)
@click.argument("files", nargs=-1, required=True, type=FILE)
@OUTPUT
def report_command(files: tuple[Path, ...], **flags: Any) -> int:
    """Render results again from their JSON alone; several files must come from machines of the same kind."""
    from fashion_bench.document import merge, read_document, refuse_unlike
    from fashion_bench.report import Outputs, write_outputs

    outputs = _take(Outputs, flags)
    baseline = outputs.check()
    document = merge([(path, read_document(path)) for path in files])
    if baseline and outputs.baseline:
        refuse_unlike(outputs.baseline, baseline, files[0], document)
    write_outputs(document, outputs, baseline)
    return 0


def _take(kind: type[Any], flags: dict[str, Any]) -> Any:
    return kind(**{name: flags[name] for name in kind.__dataclass_fields__})


def main(argv: Sequence[str] | None = None) -> int:
    """Run `fashion-bench`; returns the exit status."""
    with signals_interrupt():
        return run_command(command, argv)


if __name__ == "__main__":
    sys.exit(main())
