"""report.md and the plots: what was trained on what, and how good it is."""

import csv
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import pluralize, say
from fashion_edge.decide import decide_batch
from fashion_edge.opencv import cv2
from fashion_train.input_speed import BATCH
from fashion_train.report.plots import plot_confusion, plot_history, plot_precision_recall, plot_reliability
from fashion_train.size import scaled
from fashion_train.tune.metrics import NO_LABEL, Metrics, Scores, words

if TYPE_CHECKING:
    from fashion_train.data.prepare import Prepared
    from fashion_train.train import Outcome
    from fashion_train.tune.evaluate import Judgement
    from fashion_train.tune.label_errors import Suspect
    from fashion_train.tune.unseen import Recoloured


CELL, GAP, TEXT, COLUMNS = 144, 4, 32, 8  # pixels, pixels, pixels, pictures a row
INK, PAPER = (36, 31, 27), 255


def write_sheet(path: Path, pictures: Sequence[NDArray[np.uint8]], captions: Sequence[tuple[str, str]]) -> None:
    """Write pictures (h, w, 3) uint8 RGB, as wide as they are high or not, with two lines of text each as a PNG."""
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.full((rows * (CELL + TEXT), min(len(pictures), COLUMNS) * CELL, 3), PAPER, np.uint8)
    for number, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        top, left = number // COLUMNS * (CELL + TEXT), number % COLUMNS * CELL
        height, width = scaled(picture.shape[:2], (CELL - GAP) / max(picture.shape))
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        sheet[top : top + height, left : left + width] = small[:, :, ::-1]
        for line, text in enumerate(lines):
            at = (left + 1, top + CELL + 7 + 14 * line)
            cv2.putText(sheet, text[:24], at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)
    cv2.imwrite(str(path), sheet)


OWN = "DejaVu Sans"  # comes with Matplotlib
BOXES = "Last Resort"  # comes with it, too: a box for every letter there is
NAMED = 10  # letters that a message names at most


@contextmanager
def legible_letters(text: str) -> Iterator[None]:
    """Draw plots with fonts that have every letter of a text, as far as there are any; says which are missing."""
    import matplotlib as mpl

    families, missing = find_families(text)
    if missing:
        shown = "".join(sorted(missing)[:NAMED])
        say(
            f"plots show boxes for letters that no font here has, such as {shown}: install one, such as "
            f"fonts-noto or fonts-noto-cjk, and delete {mpl.get_cachedir()} before the next run; "
            "report.md has every label"
        )
    with mpl.rc_context({"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def find_families(text: str) -> tuple[list[str], set[str]]:
    """Font families that have the letters of a text, Matplotlib's own first, and the letters that none has."""
    from matplotlib.font_manager import findfont, fontManager

    families, missing = [OWN], {letter for letter in text if not letter.isspace()} - _letters(findfont(OWN))
    for font in fontManager.ttflist:
        if not missing:
            break
        if not font.name.startswith(BOXES) and missing & (there := _letters(font.fname)):
            families.append(font.name)
            missing -= there
    return families, missing


def _letters(file: str) -> set[str]:
    from matplotlib.font_manager import get_font

    try:
        return {chr(code) for code in get_font(file).get_charmap()}
    except (OSError, RuntimeError):  # deleted since Matplotlib listed it, or damaged
        return set()


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
        f"Contradicted by a model that was fitted without the photo: {pluralize(len(suspects), 'label')}, "
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
