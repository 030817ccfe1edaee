"""The run folder, as docs/run.md describes it: model, lists, run.json, model card and report."""

import hashlib
import json
import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fashion_edge.model_card import combinations_table, markdown_table, write_model_card
from fashion_train.data.prepare import Prepared
from fashion_train.report.report import write_report, write_rows
from fashion_train.results import Epoch, TrainingResult

SCHEMA = 1
MODEL = "model.keras"
CALIBRATION_PHOTOS = 300
SOFTMAX_LIMITATION = "Its scores sum to 1 (softmax), so one is always the highest: it was not trained to abstain."


def write_run(folder: Path, result: TrainingResult) -> None:
    """Write every file of a run into an existing folder."""
    result.model.save(folder / MODEL, include_optimizer=False)
    prepared, photos = result.prepared, result.prepared.dataset.photos
    calibration = choose_calibration(prepared, result.options.seed)
    write_rows(folder / "split.csv", ("file", "labels", "split", "duplicate_group"), _split_rows(prepared))
    rows = [(photos[index].file, photos[index].combination) for index in calibration]
    write_rows(folder / "calibration.csv", ("file", "labels"), rows)
    epochs = [[f"{value:.6g}" for value in asdict(epoch).values()] for epoch in result.fit.history]
    write_rows(folder / "history.csv", [field.name for field in fields(Epoch)], epochs)
    (folder / "run.json").write_text(json.dumps(describe_run(folder, result), indent=1) + "\n")
    (folder / "MODEL_CARD.md").write_text(write_card(result), encoding="utf-8")
    write_report(folder, result)


def describe_run(folder: Path, result: TrainingResult) -> dict[str, Any]:
    """The content of run.json."""
    options, prepared, space = result.options, result.prepared, result.space
    return {
        "schema": SCHEMA,
        "created": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "labels": space.labels,
        "groups": space.groups,
        "thresholds": space.thresholds,
        "input": asdict(prepared.spec),
        "model": {
            "file": MODEL,
            "sha256": hashlib.sha256((folder / MODEL).read_bytes()).hexdigest(),
            "arch": options.recipe.arch,
            "parameters": int(result.model.count_params()),
            "task": options.task,
        },
        "dataset": {
            "root": _root(prepared.dataset.root, options.out),
            "sha256": prepared.sha256,
            "photos": len(prepared.decoded.readable),
            "counts": prepared.counts,
            "unreadable": [file for file, _ in prepared.failures],
        },
        **result.evaluation.to_json(),
        "recoloured": {row.combination: row.to_json() for row in result.recoloured},
        "baseline": {"recipe": "tutorial", **result.baseline.to_json()} if result.baseline else None,
        "calibration": result.tuned.calibration,
        "target_precision": options.target_precision,
        "best_epoch": result.fit.best_epoch,
        "interrupted": result.fit.interrupted,
        "recipe": msgspec.to_builtins(options.recipe),
        "seed": options.seed,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("tensorflow", "keras", "numpy")},
            "fashion_edge": version("fashion-edge"),
        },
        "command": options.command,
    }


def choose_calibration(prepared: Prepared, seed: int, photos: int = CALIBRATION_PHOTOS) -> list[int]:
    """Training photos for quantization, the same number of each combination, or all where it has fewer."""
    by_combination: dict[str, list[int]] = {}
    train = prepared.on("train")
    for position in np.random.default_rng(seed).permutation(len(train)):
        index = train[position]
        by_combination.setdefault(prepared.dataset.photos[index].combination, []).append(index)
    each, needed = -(-photos // len(by_combination)), min(photos, len(train))
    while sum(len(members[:each]) for members in by_combination.values()) < needed:
        each += 1
    return sorted(index for members in by_combination.values() for index in members[:each])


def _split_rows(prepared: Prepared) -> Iterator[Sequence[object]]:
    for index in prepared.decoded.readable:
        photo = prepared.dataset.photos[index]
        yield photo.file, photo.combination, prepared.sides[index], prepared.duplicate_groups[index]


def _root(root: Path, out: Path) -> str:
    """Relative to the run folder where both have a common parent folder, so that a moved project finds its photos."""
    here, there = out.resolve(), root.resolve()
    return os.path.relpath(there, here) if there.is_relative_to(here.parent.parent) else str(there)


def write_card(result: TrainingResult) -> str:
    """The text of MODEL_CARD.md."""
    options, spec = result.options, result.prepared.spec
    return write_model_card(
        options.out.name,
        f"An image classifier ({options.task}): one score per label, one forward pass per picture of {spec.width} x "
        f"{spec.height} pixels, RGB. For pictures of one garment, on small devices.",
        result.space,
        details=_card_details(result),
        training_data=_card_data(result),
        evaluation=_card_evaluation(result),
        limitations=[SOFTMAX_LIMITATION] if options.task == "single-label" else [],
    )


def _card_details(result: TrainingResult) -> Iterator[str]:
    options, recipe, fit = result.options, result.options.recipe, result.fit
    cut = f", ended by Ctrl-C before the {recipe.epochs} planned" if fit.interrupted else ""
    yield f"Network: {recipe.arch}, {result.model.count_params():,} parameters"
    yield f"Recipe: {recipe.name}, seed {options.seed}, epoch {fit.best_epoch} of {len(fit.history)} kept{cut}"
    yield f"Command: `{options.command}`"
    if recipe.teacher_epochs:
        yield "Distilled from EfficientNet-Lite0 with ImageNet weights (Apache-2.0), which is not part of it"


def _card_data(result: TrainingResult) -> Iterator[str]:
    options, prepared = result.options, result.prepared
    names = {"train": "for training", "val": "for validation", "test": "for testing"}
    sides = ", ".join(f"{len(prepared.on(side))} photos {name}" for side, name in names.items())
    yield f"Data set `{prepared.dataset.root.resolve().name}`, SHA-256 `{prepared.sha256}`: {sides}."
    yield combinations_table(prepared.counts)
    if options.holdout:
        yield f"Held out of training, and part of the test photos: {', '.join(options.holdout)}."
    if prepared.negatives and options.recipe.negatives:
        yield f"In addition {len(prepared.negatives.on('train'))} background images, which carry no label."


def _card_evaluation(result: TrainingResult) -> Iterator[str]:
    last = result.options.recipe.keep == "last"
    chosen = "thresholds were chosen" if last else "thresholds and the epoch were chosen"
    notes = {"val": f" ({chosen} on them)"}
    rows = [
        (f"{m.photos} {side} photos{notes.get(side, '')}", f"{m.label_accuracy:.2%}", f"{m.exact_match:.2%}")
        for side, m in result.evaluation.metrics.items()
    ]
    yield markdown_table(("on", "label accuracy", "exact match"), rows)
    for side, background in result.evaluation.background.items():
        count = f"{background.photos} {side} background images"
        yield f"No label above its threshold on {background.abstained:.2%} of {count}."
    if result.recoloured:
        yield "Combinations without a photo, and colours without a label: see report.md."
