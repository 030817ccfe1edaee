"""The command fashion-export, a thin caller of `fashion_export.export`."""

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
    flags,
    given_flags,
    option,
    run_command,
    version_flag,
)
from fashion_edge.cli.signals import signals_interrupt
from fashion_edge.console import say
from fashion_edge.errors import UsageError

EXAMPLE = """\b
Examples:
  fashion-export --int8                          the newest run below ./runs
  fashion-export --int8 runs/first --out bundles/first
  fashion-export --model fashion.model --labels mlb.pickle --dataset photos \\
      --input-range 0..1 --channels BGR          a Keras model from elsewhere

"""
RENAMED = {"--calibration": "--dataset", "--group": "--groups", "--no-mend": "--no-repair"}
EXTERNAL = ("labels", "groups", "input_range", "channels")  # options for --model only
PERCENT = Number(0, 100, unit="PERCENT")


@click.command(
    "fashion-export",
    cls=GroupedCommand,
    epilog=EXAMPLE + EXIT_STATUSES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.argument("run", required=False, type=DIR)
@flags(
    "Input",
    run_option=option(DIR, "Run folder; same as the argument.", name="--run"),
    dataset=option(DIR, "Folder of the photos: of a run if they have moved, or for --model."),
)
@flags(
    "A Keras model from elsewhere",
    model=option(FILE_OR_DIR, "A .keras file, an HDF5 file or a SavedModel folder."),
    labels=option(TEXT, "Labels in output order, a,b,c; or a pickled label binarizer, FILE.pickle."),
    groups=option(TEXT, "Labels that exclude each other: 'colour=red,blue'.", multiple=True),
    input_range=option(click.Choice(("0..255", "0..1", "-1..1")), "Range its input was scaled to."),
    channels=option(click.Choice(("RGB", "BGR")), "Channel order; BGR if it was trained on cv2.imread.", "RGB"),
)
@flags(
    "Output",
    out=option(DIR, "Bundle folder. Default: bundles/NAME OF THE RUN."),
    overwrite=option(bool, "Replace an existing bundle."),
    int8=option(bool, "The standard bundle: int8 and float32 TFLite, float32 ONNX. The default."),
    all_variants=option(bool, "Every variant.", name="--all"),
    tflite_only=option(bool, "No ONNX file."),
    onnx_only=option(bool, "No TFLite file."),
    io=option(click.Choice(("uint8", "int8", "float32")), "Input and output type of the int8 TFLite file.", "uint8"),
    any_batch=option(bool, "Variable batch size in the ONNX file."),
)
@flags(
    "Quantization and parity gate",
    no_repair=option(bool, "Do not fold or equalize layers that int8 cannot represent."),
    keep_thresholds=option(bool, "Do not tune the thresholds on the int8 file."),
    max_flips=option(PERCENT, "Label decisions that may differ from Keras.", 1.0),
    max_accuracy_drop=option(PERCENT, "Exact match that may be lost, points.", 1.0),
    keep_failed=option(bool, "Write a bundle that the gate refused to OUT.failed."),
)
@click.option("--debug", is_flag=True, help="Show tracebacks and TensorFlow's output.")
@version_flag
def command(**given: Any) -> int:
    """Export a trained RUN to a bundle: TFLite and ONNX files that are proven to agree with the Keras model."""
    check_flags(given)
    from fashion_export.exporting import export, find_run, require_extra

    require_extra()
    source = given["model"] or find_run(given["run"] or given["run_option"])
    bundle = export(
        source,
        given["out"],
        dataset=given["dataset"],
        **(parse_external(given) if given["model"] else {}),
        all_variants=given["all_variants"],
        runtimes=("litert",) if given["tflite_only"] else ("onnx",) if given["onnx_only"] else ("litert", "onnx"),
        **{name: given[name] for name in ("io", "any_batch", "max_flips", "max_accuracy_drop", "overwrite")},
        repair=not given["no_repair"],
        tune_thresholds=not given["keep_thresholds"],
        keep_failed=given["keep_failed"],
        progress=True,
        debug=given["debug"],
        command=command_line(source.resolve().name),
    )
    if bundle.verdict == "not proven":
        say("not proven: there is no held-out photo to compare these files with Keras on")
    say(f"wrote {bundle.path}")
    if bundle.verdict == "proven":
        say(f"next: fashion-edge --bundle {shlex.quote(str(bundle.path))}")
    return 1 if bundle.failures or bundle.unreadable else 0


def check_flags(given: dict[str, Any]) -> None:
    """Raise `UsageError` for flags that contradict each other."""
    if given["tflite_only"] and given["onnx_only"]:
        raise UsageError("--tflite-only and --onnx-only leave nothing to make; give one of them")
    if given["int8"] and given["all_variants"]:
        raise UsageError("--int8 and --all are two sets of variants; give one of them")
    if given["run"] and given["run_option"] and given["run"] != given["run_option"]:
        raise UsageError(f"two runs are named, {given['run']} and {given['run_option']}; name one")
    if given["model"] and (given["run"] or given["run_option"]):
        raise UsageError("a run and --model are named; name one of them")
    external = [name for name in EXTERNAL if given[name] and (name, given[name]) != ("channels", "RGB")]
    if external and not given["model"]:
        raise UsageError(f"--{external[0].replace('_', '-')} is for a model named with --model")
    if missing := next((name for name in ("labels", "dataset") if given["model"] and not given[name]), None):
        raise UsageError(f"--model needs --{missing}; see the example of fashion-export --help")


def parse_external(given: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `export` that describe a model from elsewhere."""
    from fashion_edge.labels import parse_groups
    from fashion_export.class_list import parse_labels

    labels = parse_labels(given["labels"])
    groups = parse_groups(" ".join(given["groups"]), labels) if given["groups"] else {}
    return {"labels": labels, "groups": groups, "input_range": given["input_range"], "channels": given["channels"]}


def command_line(name: str) -> str:
    """The command with the flags that were given, for the report; without those that do not change the files."""
    context = click.get_current_context()
    words = ["fashion-export", *given_flags(context, ("out", "overwrite", "debug"))]
    return shlex.join(words if context.params["model"] or context.params["run_option"] else [*words, name])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    with signals_interrupt():
        return run_command(command, argv, renamed=RENAMED)
