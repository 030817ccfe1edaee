"""fashion-export: a run becomes a bundle of model files that agree with it."""

import errno
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import click

from fashion_edge.atomic import refuse_existing
from fashion_edge.console import run_command, say
from fashion_edge.errors import MissingExtraError, RunError, UsageError
from fashion_edge.locate import BUNDLES, RUNS, default_run

EXAMPLE = """\b
Examples:
  fashion-export --int8                    the newest run below ./runs
  fashion-export --int8 runs/first --out bundles/first
"""


@click.command("fashion-export", epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", required=False, type=click.Path(path_type=Path))
@click.option("--run", "run_option", type=click.Path(path_type=Path), help="The run folder; same as the argument.")
@click.option("--int8", is_flag=True, help="The standard bundle: int8 and float32 TFLite, float32 ONNX. The default.")
@click.option("--out", type=click.Path(path_type=Path), help="The bundle to write; else bundles/NAME OF THE RUN.")
@click.option("--overwrite", is_flag=True, help="Replace the bundle if it is there.")
@click.option("--dataset", type=click.Path(path_type=Path), help="Where the run's photos are now.")
@click.option("--debug", is_flag=True, help="Show tracebacks and TensorFlow's own output.")
def command(
    run: Path | None,
    run_option: Path | None,
    int8: bool,  # noqa: ARG001 - says aloud what the default is
    out: Path | None,
    overwrite: bool,
    dataset: Path | None,
    debug: bool,
) -> int:
    """Export a trained RUN to a bundle: TFLite and ONNX files, with proof that they agree with the Keras model."""
    if run and run_option and run != run_option:
        raise UsageError(f"two runs are named, {run} and {run_option}; name one")
    folder = run or run_option or default_run()
    if folder is None:
        raise RunError(f"there is no run below {RUNS}/; make one with fashion-train, or name one")
    out = out or BUNDLES / folder.resolve().name
    refuse_existing(out, overwrite=overwrite)
    require_extra()

    from fashion_export.export import export, write_bundle
    from fashion_export.report import print_table
    from fashion_export.source import load_run
    from fashion_export.variants import STANDARD

    source = load_run(folder, dataset)
    try:
        outcome = export(source, STANDARD, f"fashion-export --int8 {folder}", debug=debug)
        for line in (*outcome.calibration.unreadable, *outcome.validation.unreadable):
            say(f"warning: {line}")
        write_bundle(outcome, out, overwrite=overwrite)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(f"no space left to write {out}; free some or name another folder with --out") from error
    print_table(outcome)
    say(f"wrote {out}")
    return 0


def require_extra() -> None:
    """Raise `MissingExtraError` where a library of the export extra is not installed."""
    for module in ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"):
        if find_spec(module) is None:
            raise MissingExtraError(module, "export")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    return run_command(command, argv)
