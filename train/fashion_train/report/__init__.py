"""The run folder, as docs/run.md describes it: model, lists, run.json, model card, report.md and plots."""

import csv
import hashlib
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fashion_edge.console import pluralize
from fashion_edge.decide import decide_batch
from fashion_edge.model_card import bullets, combinations_table, markdown_table, write_model_card
from fashion_edge.sources.files import legible
from fashion_edge.typed_json import encode_json
from fashion_train.data.dataset import NO_LABEL
from fashion_train.data.prepare import Prepared
from fashion_train.report.plots import (
    plot_confusion,
    plot_history,
    plot_precision_recall,
    plot_reliability,
    save_plot,
    write_contact_sheet,
)
from fashion_train.results import Epoch, TrainingResult
from fashion_train.tune.evaluate import Evaluation, Metrics, RecolouredMetrics, Scores, names_of

SCHEMA = 1
MODEL = "model.keras"
CALIBRATION_PHOTOS = 300
SOFTMAX_LIMITATION = "Its scores sum to 1 (softmax), so one is always the highest: it was not trained to abstain."
WORST = 20  # photos


def write_run(folder: Path, result: TrainingResult) -> None:
    """Write every file of a run into an existing folder."""
    result.model.save(folder / MODEL, include_optimizer=False)
    prepared, photos = result.prepared, result.prepared.dataset.photos
    calibration = choose_calibration(prepared, result.options.seed)
    split = [
        (photos[index].file, photos[index].combination, prepared.sides[index], prepared.duplicate_groups[index])
        for index in prepared.decoded.readable
    ]
    write_rows(folder / "split.csv", ("file", "labels", "split", "duplicate_group"), split)
    rows = [(photos[index].file, photos[index].combination) for index in calibration]
    write_rows(folder / "calibration.csv", ("file", "labels"), rows)
    epochs = [[f"{value:.6g}" for value in asdict(epoch).values()] for epoch in result.fit.history]
    write_rows(folder / "history.csv", [field.name for field in fields(Epoch)], epochs)
    (folder / "run.json").write_bytes(encode_json(describe_run(folder, result), indent=1) + b"\n")
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
            "root": legible(_root(prepared.dataset.root, options.out)),
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
    options, recipe = result.options, result.options.recipe
    yield f"Network: {recipe.arch}, {result.model.count_params():,} parameters"
    yield f"Recipe: {recipe.name}, seed {options.seed}, {_kept_epoch(result)}"
    yield f"Command: `{options.command}`"
    if recipe.teacher_epochs:
        yield "Distilled from EfficientNet-Lite0 with ImageNet weights (Apache-2.0), which is not part of it"


def _kept_epoch(result: TrainingResult) -> str:
    fit, planned = result.fit, result.options.recipe.epochs
    cut = f", ended by Ctrl-C before the {planned} planned" if fit.interrupted else ""
    return f"epoch {fit.best_epoch} of {len(fit.history)} kept{cut}"


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


def write_report(folder: Path, result: TrainingResult) -> None:
    """Write report.md, suspects.csv and plots/ into a run folder."""
    plots, prepared, space, scores = folder / "plots", result.prepared, result.space, result.evaluation.scores
    plots.mkdir()
    val = prepared.targets[prepared.on("val")]
    save_plot(plots / "history.png", plot_history(result.fit.history, result.fit.best_epoch))
    save_plot(plots / "reliability.png", plot_reliability(result.tuned.before, result.tuned.after))
    save_plot(plots / "precision_recall.png", plot_precision_recall(scores["val"], val, space))
    photos = [index for side in scores for index in prepared.on(side)]
    every = np.concatenate(list(scores.values()))
    decided = [" ".join(names_of(row, space)) or NO_LABEL for row in decide_batch(every, space)]
    truth = [" ".join(names_of(row > 0.5, space)) or NO_LABEL for row in prepared.targets[photos]]
    save_plot(plots / "confusion.png", plot_confusion(decided, truth))
    _write_worst(plots / "worst.png", prepared, photos, every, captions(decided, truth))
    if result.label_errors:
        _write_label_errors(folder, result)
    (folder / "report.md").write_text("\n\n".join(_sections(result)) + "\n", encoding="utf-8")


def write_rows(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def captions(decided: Sequence[str], truth: Sequence[str]) -> list[tuple[str, str]]:
    """The two lines below each photo of worst.png; where few are wrong, it shows right ones too."""
    return [
        (f"is {t}", "right, least certain" if d == t else f"decided {d}") for d, t in zip(decided, truth, strict=True)
    ]


def _write_worst(
    path: Path, prepared: Prepared, photos: list[int], scores: Scores, lines: list[tuple[str, str]]
) -> None:
    """The validation and test photos with the highest loss."""
    targets = prepared.targets[photos]
    loss = -(targets * np.log(scores.clip(1e-6)) + (1 - targets) * np.log((1 - scores).clip(1e-6))).sum(axis=1)
    worst = np.argsort(-loss)[:WORST]
    write_contact_sheet(path, [prepared.decoded.large.read(photos[i]) for i in worst], [lines[i] for i in worst])


def _write_label_errors(folder: Path, result: TrainingResult) -> None:
    """suspects.csv, and the same as a contact sheet."""
    photos, errors = result.prepared.dataset.photos, result.label_errors
    rows = [(photos[e.index].file, e.label, int(e.given), f"{e.probability:.3f}") for e in errors]
    write_rows(folder / "suspects.csv", ("file", "label", "given", "probability"), rows)
    write_contact_sheet(
        folder / "plots" / "suspects.png",
        [result.prepared.decoded.large.read(error.index) for error in errors],
        [(f"is {photos[e.index].combination}", f"{'not ' if e.given else ''}{e.label}?") for e in errors],
    )


def _sections(result: TrainingResult) -> Iterator[str]:
    """The paragraphs of report.md."""
    yield from _run_paragraphs(result)
    yield from data_paragraphs(result.prepared, result.options.holdout)
    for side, metrics in result.evaluation.metrics.items():
        yield from _metrics_paragraphs(side, metrics)
    yield "![decided against labelled](plots/confusion.png)"
    yield "![photos with the highest loss](plots/worst.png)"
    for side, background in result.evaluation.background.items():
        groups = ", ".join(f"{share:.2%} no {group}" for group, share in background.by_group.items())
        count = f"{background.photos} {side} background images"
        yield f"On {count} there is no label above its threshold on {background.abstained:.2%}; {groups}."
    if result.recoloured:
        yield from _recoloured_paragraphs(result.recoloured)
    if result.baseline:
        yield from _baseline_paragraphs(result.evaluation, result.baseline)
    error = result.tuned.calibration["expected_calibration_error"]
    yield "## Calibration"
    yield (
        f"Expected calibration error on the validation photos: {error['before']} as trained, {error['after']} after "
        "temperature scaling."
    )
    yield "![reliability](plots/reliability.png) ![precision and recall](plots/precision_recall.png)"
    if result.label_errors:
        yield "## Likely label errors"
        labels = f"{pluralize(len(result.label_errors), 'label')}, listed in suspects.csv"
        yield f"A model that was fitted without the photo contradicts {labels}. They were trained on all the same."
        yield "![likely label errors](plots/suspects.png)"
    yield "## Thresholds"
    rows = [(label, f"{value:.2f}") for label, value in result.space.thresholds.items()]
    yield markdown_table(("label", "threshold"), rows)


def _run_paragraphs(result: TrainingResult) -> Iterator[str]:
    options, spec = result.options, result.prepared.spec
    since = " since it was resumed" if options.resume else ""
    yield f"# Run {options.out.name}"
    yield f"`{options.command}`"
    yield (
        f"{options.recipe.arch}, {result.model.count_params():,} parameters, {spec.width} x {spec.height}, recipe "
        f"{options.recipe.name}, {_kept_epoch(result)}, seed {options.seed}, "
        f"{result.seconds / 60:.1f} minutes{since}."
    )
    yield "![loss and accuracy](plots/history.png)"


def data_paragraphs(prepared: Prepared, holdout: Sequence[str]) -> Iterator[str]:
    """The photos of each combination and side, and what is wrong with some."""
    sides = ", ".join(f"{len(prepared.on(side))} {side}" for side in ("train", "val", "test"))
    yield "## Data"
    yield combinations_table(prepared.counts)
    yield f"{len(prepared.decoded.readable)} readable; {sides}."
    if holdout:
        yield f"Held out of training, and part of the test photos: {', '.join(holdout)}."
    if names := prepared.near_duplicates:
        yield f"Not evaluated, since the photos of each are near-duplicates of each other: {', '.join(names)}."
    if conflicts := prepared.label_conflicts:
        yield "Label conflicts (the same picture with different labels):"
        yield bullets(f"{one.file} and {other.file}" for one, other in conflicts)
    if prepared.failures:
        yield "Left out:"
        yield bullets(f"{file}: {reason}" for file, reason in prepared.failures)


def _recoloured_paragraphs(rows: Sequence[RecolouredMetrics]) -> Iterator[str]:
    yield "## Seen and unseen combinations"
    yield "Recoloured photos that were not trained on: a stand-in for photos that do not exist."
    cells = [(row.combination, str(row.trained_on), str(row.copies), f"{row.exact_match:.1%}") for row in rows]
    yield markdown_table(("combination", "photos trained on", "recoloured copies", "exact match"), cells)


def _baseline_paragraphs(ours: Evaluation, tutorial: Evaluation) -> Iterator[str]:
    yield "## Comparison with the tutorial's recipe"
    yield (
        "Its network, its 30 epochs, its augmentation, its last epoch and thresholds of 0.5, on the same photos of the "
        "same split. The test photos were used for no choice."
    )
    rows = []
    for side, mine in ours.metrics.items():
        theirs, photos = tutorial.metrics[side], f"{mine.photos} {side} photos"
        rows.append((f"{photos}, label accuracy", f"{mine.label_accuracy:.2%}", f"{theirs.label_accuracy:.2%}"))
        rows.append((f"{photos}, exact match", f"{mine.exact_match:.2%}", f"{theirs.exact_match:.2%}"))
    for side, background in ours.background.items():
        images, theirs_abstained = f"{background.photos} {side} background images", tutorial.background[side].abstained
        rows.append((f"{images}, no label", f"{background.abstained:.2%}", f"{theirs_abstained:.2%}"))
    yield markdown_table(("measured on", "this run", "tutorial"), rows)


def _metrics_paragraphs(side: str, metrics: Metrics) -> Iterator[str]:
    names = {"val": "validation photos (thresholds were tuned on them)", "test": "test photos (used for nothing else)"}
    yield f"## On {metrics.photos} {names[side]}"
    yield f"Label accuracy {metrics.label_accuracy:.2%}, exact match {metrics.exact_match:.2%}."
    labels = [
        (label, *("-" if figure is None else f"{figure:.3f}" for figure in figures.values()))
        for label, figures in metrics.per_label.items()
    ]
    yield markdown_table(("label", "precision", "recall", "F1"), labels)
    combinations = [(name or NO_LABEL, f"{share:.3f}") for name, share in metrics.per_combination.items()]
    yield markdown_table(("combination", "exact match"), combinations)
