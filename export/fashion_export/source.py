"""What is exported: a model, its labels, and the photos that calibrate and judge it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fashion_edge.bundle import parse_input_spec, parse_label_space, parse_number
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import BundleError, RunError
from fashion_edge.preprocess import InputSpec
from fashion_export.keras_model import load_model
from fashion_export.photos import Photo, read_rows, to_photos

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
                parse_number(entry.get(figure), f"{where}{key}.{name}.{figure}")


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
