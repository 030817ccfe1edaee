"""report.md and the plots: what was trained on what, and how good it is."""

import csv
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fashion_edge.decide import decide_batch
from fashion_edge.wording import some
from fashion_train.fonts import legible_letters
from fashion_train.input_speed import BATCH
from fashion_train.metrics import NO_LABEL, Metrics, Scores, words
from fashion_train.plots import plot_confusion, plot_history, plot_precision_recall, plot_reliability
from fashion_train.sheet import write_sheet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fashion_train.judge import Judgement
    from fashion_train.prepare import Prepared
    from fashion_train.suspects import Suspect
    from fashion_train.train import Outcome
    from fashion_train.unseen import Recoloured

WORST = 20


def write_report(folder: Path, outcome: "Outcome") -> None:
    """Write report.md and plots/ into a run folder."""
    plots = folder / "plots"
    plots.mkdir()
    prepared, scores = outcome.prepared, outcome.judgement.scores["val"]
    val = prepared.on("val")
    plot_history(plots / "history.png", outcome.learned.history, outcome.learned.best_epoch)
    plot_reliability(plots / "reliability.png", outcome.tuned.before, outcome.tuned.after)
    judged = [index for side in outcome.judgement.scores for index in prepared.on(side)]
    every = np.concatenate(list(outcome.judgement.scores.values()))
    said = [" ".join(words(row, outcome.space)) or NO_LABEL for row in decide_batch(every, outcome.space)]
    truth = [" ".join(words(row > 0.5, outcome.space)) or NO_LABEL for row in prepared.targets[judged]]
    with legible_letters("".join(outcome.space.labels)):
        plot_precision_recall(plots / "precision_recall.png", scores, prepared.targets[val], outcome.space)
        plot_confusion(plots / "confusion.png", said, truth)
    _write_worst(plots / "worst.png", outcome, judged, every, captions(said, truth))
    if outcome.suspects:
        _write_suspects(folder, outcome)
    text = "\n\n".join("\n".join(section) for section in _sections(outcome))
    (folder / "report.md").write_text(text + "\n", encoding="utf-8")


def captions(said: "Sequence[str]", truth: "Sequence[str]") -> list[tuple[str, str]]:
    """The two lines below each photo of worst.png; where few are wrong, it shows right ones too."""
    return [(f"is {t}", "right, least certain" if s == t else f"said {s}") for s, t in zip(said, truth, strict=True)]


def _write_worst(
    path: Path, outcome: "Outcome", judged: list[int], scores: Scores, lines: list[tuple[str, str]]
) -> None:
    """The twenty photos that the model was furthest from, of those it did not train on."""
    targets = outcome.prepared.targets[judged]
    loss = -(targets * np.log(scores.clip(1e-6)) + (1 - targets) * np.log((1 - scores).clip(1e-6))).sum(axis=1)
    worst = np.argsort(-loss)[:WORST]
    pictures = [outcome.prepared.decoded.large.read(judged[i]) for i in worst]
    write_sheet(path, pictures, [lines[i] for i in worst])


def _write_suspects(folder: Path, outcome: "Outcome") -> None:
    """suspects.csv, and the same as a contact sheet."""
    photos = outcome.prepared.dataset.photos
    with (folder / "suspects.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("file", "label", "given", "probability"))
        writer.writerows(
            (photos[s.index].file, s.label, int(s.given), f"{s.probability:.3f}") for s in outcome.suspects
        )
    write_sheet(
        folder / "plots" / "suspects.png",
        [outcome.prepared.decoded.large.read(s.index) for s in outcome.suspects],
        [(f"is {photos[s.index].combination}", f"{'not ' if s.given else ''}{s.label}?") for s in outcome.suspects],
    )


def _sections(outcome: "Outcome") -> "Iterator[list[str]]":
    """The lines of report.md; between two sections stands an empty one."""
    yield _run_lines(outcome)
    yield from _data_sections(outcome.prepared, outcome.options.holdout)
    for side, metrics in outcome.judgement.metrics.items():
        yield _metrics_lines(side, metrics)
    yield ["![decided against labelled](plots/confusion.png)", "", "![worst photos](plots/worst.png)"]
    for side, silence in outcome.judgement.silence.items():
        groups = ", ".join(f"{share:.2%} for {group}" for group, share in silence.by_group.items())
        yield [f"On {silence.photos} {side} photos of other things: silent on {silence.silent:.2%}; {groups}."]
    if outcome.unseen:
        yield _unseen_lines(outcome.unseen)
    if outcome.baseline:
        yield _baseline_lines(outcome.judgement, outcome.baseline)
    if outcome.inputs:
        yield _input_lines(outcome)
    yield _calibration_lines(outcome)
    if outcome.suspects:
        yield _suspect_lines(outcome.suspects)
    thresholds = [f"| {label} | {value:.2f} |" for label, value in outcome.space.thresholds.items()]
    yield ["## Thresholds", "", "| label | threshold |", "|---|---:|", *thresholds]


def _run_lines(outcome: "Outcome") -> list[str]:
    """What was trained, how, and for how long."""
    options, prepared, learned = outcome.options, outcome.prepared, outcome.learned
    return [
        f"# Run {options.out.name}",
        "",
        f"`{options.command}`",
        "",
        f"{options.recipe.arch}, {outcome.model.count_params():,} parameters, "
        f"{prepared.spec.width} x {prepared.spec.height}, recipe {options.recipe.name}, "
        f"epoch {learned.best_epoch} of {len(learned.history)} kept"
        f"{f', ended by Ctrl-C before the {options.recipe.epochs} planned' if learned.interrupted else ''}, "
        f"seed {options.seed}, "
        f"{outcome.seconds / 60:.1f} minutes{' since it was resumed' if options.resume else ''}.",
        "",
        "![loss and accuracy](plots/history.png)",
    ]


def _data_sections(prepared: "Prepared", holdout: "Sequence[str]") -> "Iterator[list[str]]":
    """How many photos there are of what, and what a person should know of them."""
    sides = ", ".join(f"{len(prepared.on(side))} {side}" for side in ("train", "val", "test"))
    yield [
        "## Data",
        "",
        "| combination | photos |",
        "|---|---:|",
        *(f"| {name or NO_LABEL} | {count} |" for name, count in prepared.counts.items()),
        "",
        f"{len(prepared.decoded.readable)} readable; {sides}.",
    ]
    if holdout:
        yield [f"Kept out of training, and part of the test photos: {', '.join(holdout)}."]
    if bursts := prepared.bursts:
        yield [f"Not judged, since the photos of each are near-duplicates of each other: {', '.join(bursts)}."]
    if twins := prepared.contradictions:
        yield ["The same picture with other labels:", "", *(f"- {one.file} and {other.file}" for one, other in twins)]
    if prepared.failures:
        yield ["Left out:", "", *(f"- {file}: {reason}" for file, reason in prepared.failures)]


def _unseen_lines(rows: "Sequence[Recoloured]") -> list[str]:
    """Seen combinations against those without a photo."""
    return [
        "## Seen and unseen combinations",
        "",
        "Photos that were not trained on, their garment recoloured: a stand-in for photos that do not exist.",
        "",
        "| combination | photos trained on | recoloured copies | exact match |",
        "|---|---:|---:|---:|",
        *(f"| {row.combination} | {row.trained_on} | {row.copies} | {row.exact:.1%} |" for row in rows),
    ]


def _baseline_lines(ours: "Judgement", tutorial: "Judgement") -> list[str]:
    """Both recipes side by side, on photos that neither learned from."""
    lines = [
        "## Beside the tutorial's recipe",
        "",
        "Its network, its 30 epochs, its augmentation, its last epoch and thresholds of 0.5, on the same photos of the "
        "same split. The test photos judged neither.",
        "",
        "| measured on | this run | tutorial |",
        "|---|---:|---:|",
    ]
    for side, mine in ours.metrics.items():
        theirs, photos = tutorial.metrics[side], f"{mine.photos} {side} photos"
        lines += [
            f"| {photos}, label accuracy | {mine.label_accuracy:.2%} | {theirs.label_accuracy:.2%} |",
            f"| {photos}, exact match | {mine.exact_match:.2%} | {theirs.exact_match:.2%} |",
        ]
    for side, quiet in ours.silence.items():
        lines.append(
            f"| {quiet.photos} {side} photos of other things, silent | {quiet.silent:.2%} | "
            f"{tutorial.silence[side].silent:.2%} |"
        )
    return lines


def _input_lines(outcome: "Outcome") -> list[str]:
    """How fast pictures are made, and whether the network had to wait for them."""
    speeds = outcome.inputs
    step = float(np.median([epoch.images_per_second for epoch in outcome.learned.history]))
    waited = "the input" if speeds[-1].pictures_per_second < step * 1.05 else "the step, not the input,"
    return [
        "## Pictures a second",
        "",
        f"Batches of {BATCH}, made by turns in this run on {os.cpu_count()} cores.",
        "",
        "| input | pictures a second |",
        "|---|---:|",
        *(f"| {speed.name} | {speed.pictures_per_second:,.0f} |" for speed in speeds),
        "",
        f"The network took {step:,.0f} a second in training: {waited} set the pace.",
    ]


def _calibration_lines(outcome: "Outcome") -> list[str]:
    """Whether scores can be taken for probabilities."""
    error = outcome.tuned.calibration["expected_calibration_error"]
    return [
        "## Calibration",
        "",
        f"Expected calibration error on the validation photos: {error['before']} as trained, "
        f"{error['after']} calibrated.",
        "",
        "![reliability](plots/reliability.png) ![precision and recall](plots/precision_recall.png)",
    ]


def _suspect_lines(suspects: "Sequence[Suspect]") -> list[str]:
    """Where to look for labels that look wrong."""
    return [
        "## Doubtful labels",
        "",
        f"Contradicted by a model that was fitted without the photo: {some(len(suspects), 'label')}, "
        "listed in suspects.csv and trained on all the same.",
        "",
        "![doubtful labels](plots/suspects.png)",
    ]


def _metrics_lines(side: str, metrics: Metrics) -> list[str]:
    names = {"val": "validation photos (thresholds were tuned on them)", "test": "test photos (used for nothing else)"}
    return [
        f"## On {metrics.photos} {names[side]}",
        "",
        f"Label accuracy {metrics.label_accuracy:.2%}, exact match {metrics.exact_match:.2%}.",
        "",
        "| label | precision | recall | F1 |",
        "|---|---:|---:|---:|",
        *(
            f"| {label} | {' | '.join(_share(m[key]) for key in ('precision', 'recall', 'f1'))} |"
            for label, m in metrics.per_label.items()
        ),
        "",
        "| combination | exact match |",
        "|---|---:|",
        *(f"| {name or NO_LABEL} | {share:.3f} |" for name, share in metrics.per_combination.items()),
    ]


def _share(value: float | None) -> str:
    """A dash where no photo could tell."""
    return "-" if value is None else f"{value:.3f}"
