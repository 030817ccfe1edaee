"""fashion-export: a run becomes a bundle of model files that agree with it."""

import errno
import shlex
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fashion_edge.atomic import refuse_existing_folder, refuse_unwritable
from fashion_edge.cli.common import FILE_OR_DIR, Number, run_command, version_flag
from fashion_edge.cli.signals import signals_interrupt
from fashion_edge.console import say
from fashion_edge.defaults import BUNDLES, RUNS, default_run
from fashion_edge.errors import GateError, MissingExtraError, RunError, UsageError

if TYPE_CHECKING:
    from fashion_export.options import Options
    from fashion_export.outcome import Outcome
    from fashion_export.source import Source

EXAMPLE = """\b
Examples:
  fashion-export --int8                          the newest run below ./runs
  fashion-export --int8 runs/first --out bundles/first
  fashion-export --model fashion.model --labels mlb.pickle --calibration photos \\
      --input-range 0..1 --channels BGR          a Keras model from elsewhere
"""


@click.command("fashion-export", epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("run", required=False, type=FILE_OR_DIR)
@click.option("--run", "run_option", type=FILE_OR_DIR, help="The run folder; same as the argument.")
@click.option("--int8", is_flag=True, help="The standard bundle: int8 and float32 TFLite, float32 ONNX. The default.")
@click.option("--all", "everything", is_flag=True, help="Every variant.")
@click.option("--tflite-only", is_flag=True, help="No ONNX file.")
@click.option("--onnx-only", is_flag=True, help="No TFLite file.")
@click.option("--io", type=click.Choice(("uint8", "int8", "float32")), default="uint8", show_default=True,
              help="Ends of the int8 TFLite file.")  # fmt: skip
@click.option("--any-batch", is_flag=True, help="Leave the batch of the ONNX file open.")
@click.option("--out", type=FILE_OR_DIR, help="The bundle to write; else bundles/NAME OF THE RUN.")
@click.option("--overwrite", is_flag=True, help="Replace the bundle if it is there.")
@click.option("--dataset", type=FILE_OR_DIR, help="Where the run's photos are now.")
@click.option("--no-mend", is_flag=True, help="Convert the network as it is, even where int8 cannot hold it.")
@click.option("--keep-thresholds", is_flag=True, help="Do not tune the thresholds on the int8 file.")
@click.option("--max-flips", type=Number(0, 100), default=1.0, show_default=True,
              help="Gate: label decisions that may differ from Keras, percent.")  # fmt: skip
@click.option("--max-accuracy-drop", type=Number(0, 100), default=1.0, show_default=True,
              help="Gate: exact match that may be lost, points.")  # fmt: skip
@click.option("--keep-failed", is_flag=True, help="Write a bundle that the gate refused to NAME.failed.")
@click.option("--model", type=FILE_OR_DIR, help="A Keras model from elsewhere: .keras, HDF5 or SavedModel folder.")
@click.option("--labels", help="Its labels in output order, a,b,c; or its pickled label binarizer, FILE.pickle.")
@click.option("--group", "groups", multiple=True, help="Labels that exclude each other: colour=red,blue. Repeatable.")
@click.option("--calibration", type=FILE_OR_DIR, help="Photos for it; every fifth is held out to compare on.")
@click.option("--input-range", type=click.Choice(("0..255", "0..1", "-1..1")), help="What its input was scaled to.")
@click.option("--channels", type=click.Choice(("RGB", "BGR")), default="RGB", show_default=True,
              help="Its channel order; a network fed by cv2.imread has BGR.")  # fmt: skip
@click.option("--debug", is_flag=True, help="Show tracebacks and TensorFlow's own output.")
@version_flag
def command(**given: Any) -> int:
    """Export a trained RUN to a bundle: TFLite and ONNX files, with proof that they agree with the Keras model.

    Exit status: 0 done, 1 a variant could not be made or a photo not be read, 2 bad input, 3 the parity gate refused.
    """
    check_flags(given)
    folder = None if given["model"] else find_run(given["run"], given["run_option"])
    out = given["out"] or BUNDLES / (folder.resolve().name if folder else given["model"].resolve().stem)
    for place in (out, aside(out)) if given["keep_failed"] else (out,):
        refuse_existing_folder(place, marker="manifest.json", overwrite=given["overwrite"])
    check_place(out)
    require_extra()
    try:
        return run_export(given, folder, out)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(f"no space left to write {out}; free some or name another folder with --out") from error


def run_export(given: dict[str, Any], folder: Path | None, out: Path) -> int:
    """Export, write and report; returns the exit status."""
    from fashion_export.export import export
    from fashion_export.report import print_table
    from fashion_export.write import write_bundle

    source = open_source(given, folder)
    outcome = export(source, to_options(given, source.name))
    for warning in outcome.warnings:
        say(f"warning: {warning}")
    print_table(outcome)
    if outcome.refusals:
        refuse(outcome, out, keep=given["keep_failed"], overwrite=given["overwrite"])
    written = write_bundle(outcome, out, overwrite=given["overwrite"])
    if outcome.verdict == "not proven":
        say("not proven: there is no held-out photo, so nothing says that these files agree with Keras on real input")
    say(f"wrote {written}")
    if outcome.verdict == "proven":
        say(f"next: fashion-edge --bundle {shlex.quote(str(written))}")
    return 1 if outcome.failures or outcome.calibration.unreadable or outcome.validation.unreadable else 0


def refuse(outcome: "Outcome", out: Path, *, keep: bool, overwrite: bool) -> None:
    """Raise `GateError` with the gate's reason and the layer most to blame; the bundle goes aside if wanted."""
    from fashion_export.write import write_bundle

    reason = outcome.refusals[0]
    if outcome.blame:
        worst = outcome.blame[0]
        reason += f"; most to blame is {worst.layer} ({worst.operator}, relative error {worst.error:.2f})"
    for finding in outcome.mending.remaining[:1]:
        reason += f", and {finding}"
    if keep:
        kept = write_bundle(outcome, aside(out), overwrite=overwrite)
        raise GateError(f"{reason}; kept aside in {kept}")
    raise GateError(f"{reason}; nothing was written, --keep-failed keeps it aside")


def aside(out: Path) -> Path:
    """Where a bundle goes that the gate refused."""
    return out.with_name(out.name + ".failed")


def check_place(out: Path) -> None:
    """Raise `UsageError` where no folder can be written beside `out`: better now than when all is converted."""
    refuse_unwritable(str(out.parent), out.resolve().parent, "folder with --out")


def check_flags(given: dict[str, Any]) -> None:
    """Raise `UsageError` for flags that contradict each other."""
    if given["tflite_only"] and given["onnx_only"]:
        raise UsageError("--tflite-only and --onnx-only leave nothing to make; give one of them")
    if given["int8"] and given["everything"]:
        raise UsageError("--int8 and --all are two sets of variants; give one of them")
    foreign = [flag for flag in ("labels", "groups", "calibration", "input_range") if given[flag]]
    foreign += ["channels"] if given["channels"] != "RGB" else []
    if given["model"] and (given["run"] or given["run_option"]):
        raise UsageError("a run and --model are named; name one of them")
    if not given["model"] and foreign:
        flag = {"groups": "group"}.get(foreign[0], foreign[0].replace("_", "-"))
        raise UsageError(f"--{flag} is for a model named with --model")
    if given["model"] and given["dataset"]:
        raise UsageError("--dataset is for a run of fashion-train; name the photos of a --model with --calibration")
    for flag in ("labels", "calibration") if given["model"] else ():
        if not given[flag]:
            raise UsageError(f"--model needs --{flag}; see the example of fashion-export --help")


def find_run(run: Path | None, option: Path | None) -> Path:
    """The run that is meant.

    Raises:
        UsageError: two are named.
        RunError: none is named, and there is none.
    """
    if run and option and run != option:
        raise UsageError(f"two runs are named, {run} and {option}; name one")
    folder = run or option or default_run()
    if folder is None:
        raise RunError(f"there is no run below {RUNS}/; make one with fashion-train, or name one")
    return folder


def open_source(given: dict[str, Any], folder: Path | None) -> "Source":
    """The run, or the model from elsewhere."""
    if folder is not None:
        from fashion_export.source import load_run

        return load_run(folder, given["dataset"])
    from fashion_edge.console import suppress_output
    from fashion_export.foreign import Foreign, load_foreign
    from fashion_export.labels import parse_groups, parse_labels

    labels = parse_labels(given["labels"])
    groups = parse_groups(given["groups"], labels)
    with suppress_output(enabled=not given["debug"]):
        return load_foreign(
            Foreign(given["model"], labels, groups, given["calibration"], given["input_range"], given["channels"])
        )


def to_options(given: dict[str, Any], name: str) -> "Options":
    """The flags as `Options`."""
    from fashion_export.options import Options
    from fashion_export.parity import Limits
    from fashion_export.variants import ALL, STANDARD

    recipes = tuple(
        recipe
        for recipe in (ALL if given["everything"] else STANDARD)
        if not (given["tflite_only"] and recipe.runtime == "onnx")
        and not (given["onnx_only"] and recipe.runtime != "onnx")
    )
    return Options(
        command=typed(name),
        recipes=recipes,
        io=given["io"],
        any_batch=given["any_batch"],
        mend=not given["no_mend"],
        tune=not given["keep_thresholds"],
        limits=Limits(given["max_flips"], given["max_accuracy_drop"]),
        debug=given["debug"],
    )


def typed(name: str) -> str:
    """The command with the flags that were given, by click's own account."""
    context = click.get_current_context()
    words = ["fashion-export"]
    for parameter in context.command.params:
        if parameter.name in ("out", "overwrite", "debug", "version"):  # say nothing of what was made
            continue
        value = context.params[parameter.name or ""]
        source = context.get_parameter_source(parameter.name or "")
        if source is not click.core.ParameterSource.COMMANDLINE or not parameter.opts[0].startswith("--"):
            continue
        for one in value if isinstance(value, tuple) else (value,):
            words += [parameter.opts[0]] if value is True else [parameter.opts[0], str(one)]
    return shlex.join([*words, *([] if context.params["model"] or context.params["run_option"] else [name])])


def require_extra() -> None:
    """Raise `MissingExtraError` where a library of the export extra is not installed."""
    for module in ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime"):
        if find_spec(module) is None:
            raise MissingExtraError(f"{module}, which fashion-export needs,", "export")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    with signals_interrupt():
        return run_command(command, argv)
