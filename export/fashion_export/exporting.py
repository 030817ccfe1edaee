"""The public function `export`: a run or a Keras model becomes a bundle, if its files agree with Keras."""

import errno
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from fashion_edge.atomic import atomic_folder, refuse_existing_folder, refuse_unwritable
from fashion_edge.backends import open_backend
from fashion_edge.bundle import MANIFEST, Bundle, Golden, Manifest, Variant, load_bundle
from fashion_edge.console import suppress_output
from fashion_edge.defaults import BUNDLES, RUNS, default_run
from fashion_edge.errors import GateError, MissingExtraError, RunError, UsageError
from fashion_edge.golden import TOLERANCE, self_check
from fashion_edge.progress import make_progress
from fashion_edge.typed_json import encode_json
from fashion_export.calibration import to_csv
from fashion_export.conversion import Artefact, Options, Outcome, convert_source
from fashion_export.external import RANGES, load_external
from fashion_export.parity import Limits
from fashion_export.report import drift_picture, model_card, print_table, report
from fashion_export.source import load_run
from fashion_export.variants import ALL, STANDARD

if TYPE_CHECKING:
    import keras

IO_TYPES = ("uint8", "int8", "float32")
REQUIRED = ("tensorflow", "keras", "tf2onnx", "onnx", "onnxruntime")


class _HasPath(Protocol):
    """A run that `fashion_train.train` returned."""

    @property
    def path(self) -> Path: ...


@dataclass(frozen=True)
class ExportedBundle(Bundle):
    """A bundle with what its export reported; `path` and `manifest` are those of the bundle."""

    verdict: str  # proven, or `not proven` if there was no held-out photo
    report: str  # the text of report.md
    warnings: tuple[str, ...]
    failures: tuple[str, ...]  # variants that could not be made, one sentence each
    unreadable: tuple[str, ...]  # photos that could not be read, one sentence each


def export(
    source: "str | Path | _HasPath | keras.Model | None" = None,
    out: str | Path | None = None,
    *,
    dataset: str | Path | None = None,
    labels: Sequence[str] | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    input_range: str | None = None,
    channels: str = "RGB",
    int8: bool = True,
    all_variants: bool = False,
    runtimes: Sequence[str] = ("litert", "onnx"),
    io: str = "uint8",
    any_batch: bool = False,
    repair: bool = True,
    tune_thresholds: bool = True,
    max_flips: float = 1.0,
    max_accuracy_drop: float = 1.0,
    overwrite: bool = False,
    keep_failed: bool = False,
    progress: bool | Callable[[str], object] = False,
    debug: bool = False,
    command: str = "",
) -> ExportedBundle:
    """Export a trained run, or a Keras model from elsewhere, to a bundle of TFLite and ONNX files.

    Each file is compared with the Keras model on held-out photos, in the runtime of the device. The bundle is
    written only if all files agree.

    Args:
        source: run folder, or the run that `fashion_train.train` returned; by default the newest below ./runs. With
            `labels` a Keras model, or the path of a .keras file, an HDF5 file or a SavedModel folder.
        out: bundle folder to write, by default bundles/NAME.
        dataset: folder of the photos; for a run only if they have moved.
        labels: labels of an external model, in output order.
        groups: group name to labels that exclude each other, for an external model.
        input_range: range that an external model's input was scaled to, `0..255`, `0..1` or `-1..1`; None if the
            model contains the scaling.
        channels: channel order of an external model, `RGB` or `BGR`.
        int8: include full int8, which needs calibration photos.
        all_variants: every variant, not just int8 and float32.
        runtimes: which of `litert` and `onnx`.
        io: input and output type of the int8 TFLite file: `uint8`, `int8` or `float32`.
        any_batch: write ONNX files with a variable batch dimension.
        repair: fold and equalize layers that int8 cannot represent.
        tune_thresholds: tune the thresholds on the scores of the int8 file.
        max_flips: label decisions that may differ from Keras, 0..100 percent.
        max_accuracy_drop: exact match that may be lost, 0..100 points.
        overwrite: replace a bundle that exists.
        keep_failed: write a bundle that the gate refused to OUT.failed.
        progress: True shows it on standard error; a function is called with each line.
        debug: show TensorFlow's output, and raise the exceptions of converters.
        command: command line for the report.

    Returns:
        The bundle, with its verdict, report, warnings and failures.

    Raises:
        RunError: not a run folder, or it is damaged.
        ModelError: the model is damaged, or does not have one image in and one row of scores out.
        DatasetError: no photo could be read.
        UsageError: an argument is invalid, or `out` cannot be written.
        OutputExistsError: `out` exists, and `overwrite` is false.
        MissingExtraError: TensorFlow or a converter is not installed.
        GateError: a file differs too much from the Keras model.

    Example:
        >>> from fashion_export import export
        >>> bundle = export("runs/first", "bundles/first")
        >>> bundle.verdict, bundle.find(precision="int8").metrics["flip_rate"]
        ('proven', 0.0016)
    """
    for name, value, choices in (("io", io, IO_TYPES), ("input_range", input_range, (None, *RANGES))):
        if value not in choices:
            raise UsageError(f"{name} is {value!r}, not one of {', '.join(map(str, choices))}")
    source = Path(source) if isinstance(source, str) else source
    named: Any = find_run(source) if labels is None else source
    origin = named.resolve() if isinstance(named, Path) else Path(getattr(named, "name", "model"))
    target = Path(out) if out is not None else BUNDLES / (origin.name if labels is None else origin.stem)
    check_target(target, overwrite=overwrite, keep_failed=keep_failed)
    require_extra()
    candidates = ALL if all_variants else STANDARD
    recipes = tuple(r for r in candidates if r.runtime in runtimes and (int8 or r.precision != "int8"))
    options = Options(recipes, io, any_batch, repair, tune_thresholds, Limits(max_flips, max_accuracy_drop), debug)
    if not recipes:
        raise UsageError(f"runtimes {list(runtimes)} leave nothing to make; name litert, onnx or both")
    with make_progress(progress) as display:
        display.quiet = not debug
        folder = None if dataset is None else Path(dataset)
        if labels is None:
            opened = load_run(named, folder)
        else:
            with suppress_output(enabled=not debug):
                opened = load_external(named, labels, groups or {}, folder, input_range, channels)
        outcome = convert_source(opened, options, display, command or f"fashion_export.export({opened.name!r})")
        for warning in outcome.warnings:
            display.line(f"warning: {warning}")
        if progress is True:
            print_table(outcome)
    if outcome.refusals:
        _refuse(outcome, target, keep=keep_failed, overwrite=overwrite)
    path = _write(outcome, target, overwrite=overwrite)
    results = outcome.verdict, report(outcome), outcome.warnings, outcome.failures, outcome.prepared.unreadable
    return ExportedBundle(path, load_bundle(path).manifest, *results)


def find_run(source: Any) -> Path:
    """The run folder that was named, that of a run that `fashion_train.train` returned, or the newest."""
    source = source if source is None or isinstance(source, Path) else getattr(source, "path", source)
    if source is not None and not isinstance(source, Path):
        raise UsageError("a Keras model needs its labels, in output order: export(model, labels=[...], dataset=...)")
    folder = source or default_run()
    if folder is None:
        raise RunError(f"there is no run below {RUNS}/; make one with fashion-train, or name one")
    return folder


def check_target(out: Path, *, overwrite: bool, keep_failed: bool) -> None:
    """Refuse an output folder now that could not be written after all conversions."""
    for place in (out, failed_name(out)) if keep_failed else (out,):
        refuse_existing_folder(place, marker=MANIFEST, overwrite=overwrite)
    refuse_unwritable(str(out.parent), out.resolve().parent, "folder with --out")


def failed_name(out: Path) -> Path:
    """Where a bundle is kept that the gate refused."""
    return out.with_name(out.name + ".failed")


def require_extra() -> None:
    """Raise `MissingExtraError` if a library of the export extra is not installed."""
    if missing := next((module for module in REQUIRED if find_spec(module) is None), None):
        raise MissingExtraError(f"{missing}, which fashion-export needs,", "export")


def _refuse(outcome: Outcome, out: Path, *, keep: bool, overwrite: bool) -> None:
    """Raise `GateError` with the gate's reason and the layer with the largest error."""
    reason = outcome.refusals[0]
    if outcome.layer_errors:
        worst = outcome.layer_errors[0]
        reason += f"; the largest layer error is in {worst.layer} ({worst.operator}, relative {worst.error:.2f})"
    for finding in outcome.repair.remaining[:1]:
        reason += f", and {finding}"
    if not keep:
        raise GateError(f"{reason}; nothing was written, --keep-failed keeps the bundle")
    raise GateError(f"{reason}; kept in {_write(outcome, failed_name(out), overwrite=overwrite)}")


def _write(outcome: Outcome, out: Path, *, overwrite: bool) -> Path:
    """Write the bundle under a hidden name, replay its golden inputs, then rename it to `out`, numbered if taken."""
    names: list[Path] = []
    try:
        with atomic_folder(out, marker=MANIFEST, overwrite=overwrite, named=names.append) as part:
            _write_files(outcome, part)
            replay(part)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UsageError(f"no space left to write {out}; free some or name another folder with --out") from error
    return names[0]


def _write_files(outcome: Outcome, folder: Path) -> None:
    golden, calibration = outcome.golden.to_npz(), outcome.prepared.calibration
    (folder / "golden.npz").write_bytes(golden)
    for artefact in outcome.artefacts:
        (folder / artefact.recipe.file).write_bytes(artefact.data)
    manifest = _to_manifest(outcome, hashlib.sha256(golden).hexdigest())
    (folder / MANIFEST).write_bytes(encode_json(manifest.to_json(), indent=2) + b"\n")
    if len(calibration):
        (folder / "calibration.csv").write_text(to_csv(calibration), encoding="utf-8")
    if len(outcome.prepared.validation):
        (folder / "drift.png").write_bytes(drift_picture(outcome))
    (folder / "report.md").write_text(report(outcome), encoding="utf-8")
    (folder / "MODEL_CARD.md").write_text(model_card(outcome), encoding="utf-8")


def replay(folder: Path) -> None:
    """Load a bundle as a device does, and run the golden inputs through every variant."""
    bundle = load_bundle(folder)
    for variant in bundle.manifest.variants:
        self_check(bundle, variant, open_backend(bundle, variant))


def _to_manifest(outcome: Outcome, golden_sha256: str) -> Manifest:
    variants = tuple(_to_variant(artefact, outcome.verdict) for artefact in outcome.artefacts)
    tolerance = {variant.precision: TOLERANCE[variant.precision] for variant in variants}
    return Manifest(
        space=outcome.space,
        input=outcome.prepared.source.spec,
        variants=variants,
        golden=Golden("golden.npz", golden_sha256, tolerance),
        provenance={**outcome.provenance, "parity": outcome.verdict},
        created=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _to_variant(artefact: Artefact, verdict: str) -> Variant:
    measured = artefact.parity.to_metrics() if artefact.parity else {}
    return Variant(
        file=artefact.recipe.file,
        runtime=artefact.recipe.runtime,
        precision=artefact.recipe.precision,
        bytes=len(artefact.data),
        sha256=hashlib.sha256(artefact.data).hexdigest(),
        metrics={**measured, "parity": verdict, "min_runtime": artefact.min_runtime},
    )
