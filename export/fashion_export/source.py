"""What is exported: a model, its labels, and the photos that calibrate and judge it."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import parse_input_spec, parse_label_space
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import BundleError, ModelError, RunError, brief
from fashion_edge.preprocess import InputSpec
from fashion_edge.typed_json import convert_json
from fashion_export.calibration import Photo, read_rows, to_photos

BATCH = 64
HALVES = ("float16", "mixed_float16", "bfloat16", "mixed_bfloat16")  # policies that TFLite has no operators for


def load_model(path: Path, sha256: str | None = None) -> Any:
    """Load a .keras or .h5 file in safe mode, hash compared where one is given; it computes in float32.

    Raises:
        ModelError: missing, damaged, swapped, or holding code.
    """
    if not path.is_file():
        raise ModelError(f"{path} is missing; train again")
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ModelError(f"{path} does not have the hash that run.json names: cut short or swapped; train again")
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises ValueError, TypeError, OSError, KeyError, BadZipFile and more
        raise ModelError(f"{path} does not load in safe mode: {brief(error)}") from error
    for layer in model._flatten_layers():
        if layer.dtype_policy.name in HALVES:
            layer.dtype_policy = "float32"
    return model


def check_model(model: Any, spec: InputSpec, n_labels: int, name: str) -> None:
    """Compare what the model eats and gives with what the labels and the input size say.

    Raises:
        ModelError: several inputs or outputs, another size, or another label count.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"{name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "export takes one image in and one row of scores out"
        )
    eats, gives = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
    if eats[1:] != spec.shape:
        raise ModelError(f"{name} eats {eats[1:]}, the run says {spec.shape}; they do not belong together")
    if len(gives) != 2 or gives[1] != n_labels:
        raise ModelError(f"{name} gives {gives[1:]} scores for {n_labels} labels; they do not belong together")


def keras_scores(model: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores (n, labels) float32 for pixels (n, h, w, 3) uint8.

    Raises:
        ModelError: a score that is not finite or outside 0..1, as a model without a sigmoid gives.
    """
    rows = [
        np.asarray(model(pixels[i : i + BATCH].astype(np.float32), training=False), np.float32)
        for i in range(0, len(pixels), BATCH)
    ]
    scores: NDArray[np.float32] = np.concatenate(rows) if rows else np.empty((0, model.outputs[0].shape[1]), np.float32)
    if not np.isfinite(scores).all() or (scores < 0).any() or (scores > 1).any():
        raise ModelError("the model gives scores outside 0..1; its last layer must be a sigmoid")
    return scores


SCHEMA = 1
RUN = "run.json"
MAX_RUN_BYTES = 4 << 20
FIGURES = {  # what the model card prints of each entry of these keys
    "metrics": ("photos", "label_accuracy", "exact_match"),
    "negatives": ("photos", "silent"),
    "recoloured": ("trained_on", "copies", "exact_match"),
}


@dataclass(frozen=True)
class Source:
    """A model to export. `facts` is run.json, for the report and the card; `load` gives the Keras model."""

    name: str
    model_file: Path
    space: LabelSpace
    spec: InputSpec
    root: Path  # the photos' root
    calibration: tuple[Photo, ...]
    validation: tuple[Photo, ...]
    facts: Mapping[str, Any]
    load: Callable[[], Any]


def load_run(folder: Path, dataset: Path | None = None) -> Source:
    """Read a run folder as docs/run.md has it; `dataset` overrides the photos' root.

    Raises:
        RunError: no such folder, no run.json, another schema, a value out of range, or calibration photos that
            are validation or test photos too.
    """
    facts = _read_json(folder)
    try:
        space, spec = parse_label_space(facts), parse_input_spec(_part(facts, "input"))
        _check_facts(facts)
    except BundleError as error:
        raise RunError(f"{folder / RUN}: {error}") from error
    model, data = _part(facts, "model"), _part(facts, "dataset")
    file, root = model.get("file"), data.get("root")
    if not isinstance(file, str) or Path(file).name != file or not isinstance(model.get("sha256"), str):
        raise RunError(f"{folder / RUN}: model must name a file of the run folder and its sha256, not {model!r:.80}")
    if dataset is None and not isinstance(root, str):
        raise RunError(f"{folder / RUN} names no root of the photos; name it with --dataset DIR")
    split_csv, calibration_csv = folder / "split.csv", folder / "calibration.csv"
    split = read_rows(split_csv, ("file", "labels", "split", "duplicate_group"))
    calibration = to_photos(read_rows(calibration_csv, ("file", "labels")), calibration_csv)
    _refuse_overlap(split, calibration, calibration_csv)
    return Source(
        name=folder.resolve().name,
        model_file=folder / file,
        space=space,
        spec=spec,
        root=dataset or folder / str(root),  # an absolute root stays itself
        calibration=calibration,
        validation=to_photos([row for row in split if row["split"] == "val"], split_csv),
        facts=facts,
        load=partial(load_model, folder / file, model["sha256"]),
    )


def _read_json(folder: Path) -> dict[str, Any]:
    file = folder / RUN
    if not folder.is_dir():
        raise RunError(f"{folder} is not a run folder; make one with fashion-train")
    if not file.is_file():
        raise RunError(f"{folder} has no {RUN}, so it is not a run; make one with fashion-train")
    if file.stat().st_size > MAX_RUN_BYTES:
        raise RunError(f"{file} is larger than {MAX_RUN_BYTES >> 20} MB, which no run is")
    try:
        facts = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise RunError(f"{file} is not valid JSON ({error}); train again") from error
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA:
        schema = facts.get("schema") if isinstance(facts, dict) else None
        raise RunError(f"{file}: schema {schema!r} is not {SCHEMA}, the one this version reads")
    return facts


def _part(facts: Mapping[str, Any], key: str) -> dict[str, Any]:
    part = facts.get(key)
    if not isinstance(part, dict):
        raise RunError(f"run.json: key {key!r} must be an object, not {part!r:.40}")
    return part


def _check_facts(facts: Mapping[str, Any]) -> None:
    """Refuse now what would stop the report and the card after all conversions; a key may be empty or not there."""
    seed = facts.get("seed", 0)
    if not isinstance(seed, int) or seed < 0:
        raise BundleError(f"seed must be a whole number from 0 on, not {seed!r:.40}")
    _check_figures(facts, "")
    if facts.get("baseline"):
        _check_figures(_part(facts, "baseline"), "baseline.")
    data = _part(facts, "dataset")
    if data.get("counts"):
        _part(data, "counts")


def _check_figures(facts: Mapping[str, Any], where: str) -> None:
    for key, figures in FIGURES.items():
        table = _part(facts, key) if facts.get(key) else {}
        for name in table:
            entry = _part(table, name)
            for figure in figures:
                convert_json(entry.get(figure), float, f"{where}{key}.{name}.{figure}", BundleError)


def _refuse_overlap(split: list[dict[str, str]], calibration: tuple[Photo, ...], where: Path) -> None:
    """Calibration may see training photos only, and none whose duplicate is held out."""
    held_out = [row for row in split if row["split"] != "train"]
    files = {row["file"] for row in held_out}
    groups = {row["duplicate_group"] for row in held_out if row["duplicate_group"]}
    own = {row["file"]: row["duplicate_group"] for row in split}
    shared = [photo.file for photo in calibration if photo.file in files or own.get(photo.file) in groups]
    if shared:
        raise RunError(
            f"{where} holds photos that are validation or test photos or their duplicates, the first of {len(shared)} "
            f"is {shared[0]!r}; int8 would be judged on what it was fitted to: train again"
        )
