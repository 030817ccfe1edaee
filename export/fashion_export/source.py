"""What is exported: a Keras model, its labels, and the photos that calibrate and evaluate it."""

import csv
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import parse_input_spec, parse_label_space
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import BundleError, ModelError, RunError, brief
from fashion_edge.preprocess import InputSpec
from fashion_edge.typed_json import convert_json, read_json
from fashion_export.calibration import Photo

BATCH = 64
HALF_PRECISION = ("float16", "mixed_float16", "bfloat16", "mixed_bfloat16")  # TFLite has no operators for these
SCHEMA = 1
RUN = "run.json"
MAX_RUN_BYTES = 4 << 20


class _Metrics(msgspec.Struct):
    photos: int
    label_accuracy: float
    exact_match: float


class _Background(msgspec.Struct):
    photos: int
    silent: float


class _Recoloured(msgspec.Struct):
    trained_on: int
    copies: int
    exact_match: float


class _Figures(msgspec.Struct):
    """The figures that the model card prints; each may be missing."""

    metrics: dict[str, _Metrics] | None = None
    negatives: dict[str, _Background] | None = None
    recoloured: dict[str, _Recoloured] | None = None


class _ModelEntry(msgspec.Struct):
    file: str
    sha256: str


class _DatasetEntry(msgspec.Struct):
    root: str | None = None
    counts: dict[str, int] | None = None


class _RunFile(_Figures):
    """The part of run.json that export reads; labels, groups, thresholds and input are read as in a bundle."""

    model: _ModelEntry = msgspec.field(default_factory=lambda: _ModelEntry("", ""))
    dataset: _DatasetEntry = msgspec.field(default_factory=_DatasetEntry)
    input: dict[str, Any] = msgspec.field(default_factory=dict)
    seed: Annotated[int, msgspec.Meta(ge=0)] = 0
    baseline: _Figures | None = None


@dataclass(frozen=True)
class Source:
    """A model to export. `facts` is run.json, for the report and the card; `load` returns the Keras model."""

    name: str
    model_name: str  # of its file, for messages
    space: LabelSpace
    spec: InputSpec
    root: Path  # of the photos
    calibration: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    facts: Mapping[str, Any]
    load: Callable[[], Any]


def load_run(folder: Path, dataset: Path | None = None) -> Source:
    """Read a run folder as docs/run.md describes it; `dataset` overrides the photos' root."""
    facts, run = _read_run_file(folder)
    try:
        space, spec = parse_label_space(facts), parse_input_spec(run.input)
    except BundleError as error:
        raise RunError(f"{folder / RUN}: {error}") from error
    if Path(run.model.file).name != run.model.file or not run.model.file:
        raise RunError(f"{folder / RUN}: model must name a file of the run folder, not {run.model.file!r:.80}")
    if dataset is None and run.dataset.root is None:
        raise RunError(f"{folder / RUN} does not name the root of the photos; name it with --dataset DIR")
    split_csv, calibration_csv = folder / "split.csv", folder / "calibration.csv"
    split = _read_rows(split_csv, ("file", "labels", "split", "duplicate_group"))
    calibration = _to_photos(_read_rows(calibration_csv, ("file", "labels")), calibration_csv)
    _refuse_overlap(split, calibration, calibration_csv)
    return Source(
        name=folder.resolve().name,
        model_name=run.model.file,
        space=space,
        spec=spec,
        root=dataset or folder / str(run.dataset.root),  # an absolute root stays as it is
        calibration=calibration,
        validation=_to_photos([row for row in split if row["split"] == "val"], split_csv),
        facts=facts,
        load=partial(load_model, folder / run.model.file, run.model.sha256),
    )


def load_model(path: Path, sha256: str | None = None) -> Any:
    """Load a .keras or .h5 file in safe mode, after comparing its hash if there is one; it computes in float32."""
    if not path.is_file():
        raise ModelError(f"{path} is missing; train again")
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ModelError(f"{path} does not have the hash in run.json: it was cut short or replaced; train again")
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises ValueError, TypeError, OSError, KeyError, BadZipFile and more
        raise ModelError(f"{path} does not load in safe mode: {brief(error)}") from error
    return compute_in_float32(model)


def compute_in_float32(model: Any) -> Any:
    """Replace half-precision policies of the model's layers; returns the model."""
    for layer in model._flatten_layers():
        if layer.dtype_policy.name in HALF_PRECISION:
            layer.dtype_policy = "float32"
    return model


def check_model(model: Any, spec: InputSpec, n_labels: int, name: str) -> None:
    """Compare the model's input and output with the input size and the number of labels."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        found = f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
        raise ModelError(f"{name} has {found}; export takes one image in and one row of scores out")
    expected, returned = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
    if expected[1:] != spec.shape:
        raise ModelError(f"{name} expects {expected[1:]}, the run says {spec.shape}; they do not belong together")
    if len(returned) != 2 or returned[1] != n_labels:
        raise ModelError(f"{name} returns {returned[1:]} scores for {n_labels} labels; they do not belong together")


def keras_scores(model: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores (n, labels) float32 for pixels (n, h, w, 3) uint8."""
    batches = (pixels[i : i + BATCH].astype(np.float32) for i in range(0, len(pixels), BATCH))
    rows = [np.asarray(model(batch, training=False), np.float32) for batch in batches]
    scores: NDArray[np.float32] = np.concatenate(rows) if rows else np.empty((0, model.outputs[0].shape[1]), np.float32)
    if not np.isfinite(scores).all() or (scores < 0).any() or (scores > 1).any():
        raise ModelError("the model returns scores outside 0..1; its last layer must be a sigmoid")
    return scores


def _read_run_file(folder: Path) -> tuple[dict[str, Any], _RunFile]:
    """run.json as it is, and the part of it that is checked here."""
    file = folder / RUN
    if not folder.is_dir():
        raise RunError(f"{folder} is not a run folder; make one with fashion-train")
    if not file.is_file():
        raise RunError(f"{folder} has no {RUN}, so it is not a run; make one with fashion-train")
    facts = read_json(file, dict[str, Any], MAX_RUN_BYTES, RunError)
    if facts.get("schema") != SCHEMA:
        raise RunError(f"{file}: schema {facts.get('schema')!r:.40} is not {SCHEMA}, the one this version reads")
    return facts, convert_json(facts, _RunFile, str(file), RunError)


def _read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file of the run folder."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        raise RunError(f"{path} is missing, so {path.parent} is not a complete run; train again") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path} is not a readable CSV file ({error}); train again") from error
    if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
        raise RunError(f"{path} has no column {missing[0]!r}; it needs {','.join(columns)}")
    if any(row[name] is None for row in rows for name in columns):
        raise RunError(f"{path} has a row that is cut short; it needs {','.join(columns)} on every line")
    return rows


def _to_photos(rows: Sequence[dict[str, str]], source: Path) -> tuple[Photo, ...]:
    """Rows to photos; a name that leaves the data set's root is refused."""
    for row in rows:
        name = PurePosixPath(row["file"])
        if not row["file"] or name.is_absolute() or ".." in name.parts or "\\" in row["file"] or "\0" in row["file"]:
            raise RunError(f"{source} names {row['file']!r}, which is not a file below the data set's root")
    return tuple(Photo(row["file"], tuple(row["labels"].split())) for row in rows)


def _refuse_overlap(split: list[dict[str, str]], calibration: tuple[Photo, ...], where: Path) -> None:
    """Calibration may use training photos only, and none with a duplicate in validation or test."""
    held_out = [row for row in split if row["split"] != "train"]
    files = {row["file"] for row in held_out}
    groups = {row["duplicate_group"] for row in held_out if row["duplicate_group"]}
    own = {row["file"]: row["duplicate_group"] for row in split}
    if shared := [photo.file for photo in calibration if photo.file in files or own.get(photo.file) in groups]:
        raise RunError(
            f"{where} holds photos that are validation or test photos or their duplicates, the first of {len(shared)} "
            f"is {shared[0]!r}; int8 would be evaluated on what it was fitted to: train again"
        )
