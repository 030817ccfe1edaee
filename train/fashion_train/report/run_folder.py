"""The run folder, as docs/run.md describes it."""

import csv
import hashlib
import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from fashion_train.data.prepare import Prepared
from fashion_train.fit.learner import Epoch

if TYPE_CHECKING:
    from fashion_train.train import Outcome

SCHEMA = 1
MODEL = "model.keras"
CALIBRATION_PHOTOS = 300


def write_run(folder: Path, outcome: "Outcome") -> None:
    """Write every file of a run into an existing folder."""
    from fashion_train.report.card import write_card
    from fashion_train.report.report import write_report

    outcome.model.save(folder / MODEL, include_optimizer=False)
    prepared = outcome.prepared
    _write_rows(folder / "split.csv", ("file", "labels", "split", "duplicate_group"), _split_rows(prepared))
    _write_rows(
        folder / "calibration.csv",
        ("file", "labels"),
        [
            (prepared.dataset.photos[i].file, prepared.dataset.photos[i].combination)
            for i in choose_calibration(prepared, outcome.options.seed)
        ],
    )
    _write_rows(
        folder / "history.csv",
        [field.name for field in fields(Epoch)],
        [[f"{value:.6g}" for value in asdict(epoch).values()] for epoch in outcome.learned.history],
    )
    (folder / "run.json").write_text(json.dumps(describe_run(folder, outcome), indent=1) + "\n")
    (folder / "MODEL_CARD.md").write_text(write_card(outcome), encoding="utf-8")
    write_report(folder, outcome)


def describe_run(folder: Path, outcome: "Outcome") -> dict[str, Any]:
    """The content of run.json."""
    options, prepared = outcome.options, outcome.prepared
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "labels": list(outcome.space.labels),
        "groups": {name: list(members) for name, members in outcome.space.groups.items()},
        "thresholds": dict(outcome.space.thresholds),
        "input": asdict(prepared.spec),
        "model": {
            "file": MODEL,
            "sha256": hashlib.sha256((folder / MODEL).read_bytes()).hexdigest(),
            "arch": options.recipe.arch,
            "parameters": int(outcome.model.count_params()),
            "task": options.task,
        },
        "dataset": {
            "root": _root(prepared.dataset.root, options.out),
            "sha256": prepared.sha256,
            "photos": len(prepared.decoded.readable),
            "counts": prepared.counts,
            "unreadable": [file for file, _ in prepared.failures],
        },
        **outcome.judgement.to_json(),
        "recoloured": {row.combination: row.to_json() for row in outcome.unseen},
        "baseline": {"recipe": "tutorial", **outcome.baseline.to_json()} if outcome.baseline else None,
        "pictures_per_second": {speed.name: round(speed.pictures_per_second, 1) for speed in outcome.inputs},
        "calibration": outcome.tuned.calibration,
        "target_precision": options.target_precision,
        "best_epoch": outcome.learned.best_epoch,
        "interrupted": outcome.learned.interrupted,
        "recipe": _plain(asdict(options.recipe)),
        "seed": options.seed,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
            "fashion_edge": version("fashion-edge"),
        },
        "command": options.command,
    }


def choose_calibration(prepared: Prepared, seed: int, photos: int = CALIBRATION_PHOTOS) -> list[int]:
    """Training photos that quantisation may look at, of each combination the same number, or all where it has fewer."""
    by_combination: dict[str, list[int]] = {}
    train = prepared.on("train")
    for position in np.random.default_rng(seed).permutation(len(train)):
        index = train[position]
        by_combination.setdefault(prepared.dataset.photos[index].combination, []).append(index)
    each, wanted = -(-photos // len(by_combination)), min(photos, len(train))
    while sum(len(members[:each]) for members in by_combination.values()) < wanted:
        each += 1
    return sorted(index for members in by_combination.values() for index in members[:each])


def _split_rows(prepared: Prepared) -> Iterable[Sequence[object]]:
    for index in prepared.decoded.readable:
        photo = prepared.dataset.photos[index]
        yield photo.file, photo.combination, prepared.sides[index], prepared.duplicate_groups[index]


def _root(root: Path, out: Path) -> str:
    """Relative to the run folder where both share a parent folder, so that a moved project still finds its photos."""
    here, there = out.resolve(), root.resolve()
    return os.path.relpath(there, here) if there.is_relative_to(here.parent.parent) else str(there)


def _write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
