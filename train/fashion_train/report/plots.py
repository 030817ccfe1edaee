"""The plots of a report.

Matplotlib's own font draws them: a letter that it does not have, such as a Chinese one, is shown as a box.
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from itertools import cycle, product
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.opencv import cv2
from fashion_train.data.augment import scaled
from fashion_train.data.dataset import Targets
from fashion_train.results import Epoch
from fashion_train.tune.calibration import Bins
from fashion_train.tune.evaluate import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_ROWS = 40  # of a confusion matrix: more are not legible, and a plot of 350 rows takes gigabytes
LEGEND_ROWS = 22  # that fit next to the curves
INK, MUTED, ACCENT = "#1b1f24", "#8a94a0", "#c8102e"
LINES = tuple(product(("-", "--", ":", "-."), (f"C{number}" for number in range(10))))  # (style, colour), all different
CELL, GAP, TEXT, COLUMNS = 144, 4, 32, 8  # of a contact sheet: pixels, pixels, pixels, pictures per row
SHEET_INK, PAPER = (36, 31, 27), 255


def save_plot(path: Path, figure: "Figure") -> None:
    """Write a figure as a PNG file."""
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure.savefig(path, dpi=130)


def plot_history(history: Sequence[Epoch], best_epoch: int) -> "Figure":
    """Loss and accuracy over the epochs; a vertical line marks the epoch that was kept."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = _figure(9, 4)
    left, right = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in history]
    left.plot(epochs, [epoch.loss for epoch in history], color=MUTED, label="training (augmented)")
    left.plot(epochs, [epoch.val_loss for epoch in history], color=INK, label="validation")
    left.set(title="Loss", xlabel="epoch", yscale="log")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # evenly spaced where fewer than two of these fit
    left.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))  # plain numbers instead of powers of ten
    left.yaxis.set_minor_formatter(NullFormatter())
    right.plot(epochs, [epoch.accuracy for epoch in history], color=MUTED, label="labels, training (augmented)")
    right.plot(epochs, [epoch.val_accuracy for epoch in history], color=INK, label="labels, validation")
    right.plot(epochs, [epoch.val_exact for epoch in history], color=ACCENT, label="exact match, validation")
    right.set(title="Accuracy at threshold 0.5", xlabel="epoch", ylim=(None, 1.005))
    for axes in (left, right):
        for line in axes.lines if len(history) == 1 else ():
            line.set_marker("o")  # one point draws no line
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.axvline(best_epoch, color=ACCENT, linewidth=0.8, linestyle=":")
        axes.legend(frameon=False, fontsize=8)
    return figure


def plot_precision_recall(scores: Scores, targets: Targets, space: LabelSpace) -> "Figure":
    """One curve per label; a dot marks the tuned threshold."""
    from sklearn.metrics import precision_recall_curve

    legend_columns = ceil(len(space.labels) / LEGEND_ROWS)
    figure = _figure(6 + 1.2 * legend_columns, 4.5)
    axes = figure.subplots()
    for (column, label), (style, colour) in zip(enumerate(space.labels), cycle(LINES), strict=False):
        truth = targets[:, column] > 0.5
        if not truth.any():
            continue
        precision, recall, _ = precision_recall_curve(truth, scores[:, column])
        axes.plot(recall, precision, label=_escape(label), linewidth=1.4, linestyle=style, color=colour)
        decided = scores[:, column] >= space.thresholds[label]
        if decided.any():
            hits = (decided & truth).sum()
            axes.plot(hits / truth.sum(), hits / decided.sum(), "o", color=colour, markersize=4)
    axes.set(title="Precision and recall, validation (dots: thresholds)", xlabel="recall", ylabel="precision")
    figure.legend(frameon=False, fontsize=8, loc="outside right upper", ncols=legend_columns)
    return figure


def plot_confusion(decided: Sequence[str], truth: Sequence[str]) -> "Figure":
    """The confusion matrix of combinations: labelled (rows) against decided (columns)."""
    rows, columns = confused(decided, truth)
    pairs = Counter(zip(truth, decided, strict=True))
    counts = [[pairs[row, column] for column in columns] for row in rows]
    figure = _figure(max(4.5, 1.8 + 0.62 * len(columns)), 1.8 + 0.45 * len(rows))  # the title needs 4.5 inches
    axes = figure.subplots()
    axes.imshow([[count / max(1, sum(row)) for count in row] for row in counts], cmap="Reds", vmin=0, vmax=1)
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            if count:
                colour = "white" if count > sum(row) / 2 else INK
                axes.text(x, y, str(count), ha="center", va="center", fontsize=8, color=colour)
    axes.set_xticks(range(len(columns)), map(_escape, columns), rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), map(_escape, rows), fontsize=8)
    which = f", the {len(rows)} most confused" if len(rows) < len(set(truth)) else ""
    figure.suptitle(f"Decided (columns) for labelled (rows{which})\nshade: share of the row")
    return figure


def confused(decided: Sequence[str], truth: Sequence[str], most: int = MAX_ROWS) -> tuple[list[str], list[str]]:
    """Rows and columns of a confusion matrix: all where they are few, else those with the most errors."""
    wrong = Counter(t for d, t in zip(decided, truth, strict=True) if d != t)
    rows = sorted(sorted(set(truth), key=lambda name: (-wrong[name], name))[:most])
    others = Counter(d for d, t in zip(decided, truth, strict=True) if t in set(rows) and d not in set(rows))
    return rows, rows + sorted(name for name, _ in others.most_common(most))


def plot_reliability(before: Bins, after: Bins) -> "Figure":
    """Mean score against the share with the label, before and after calibration."""
    figure = _figure(4.5, 4.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    for rows, colour, name in ((before, MUTED, "as trained"), (after, ACCENT, "calibrated")):
        axes.plot([row[0] for row in rows], [row[1] for row in rows], "o-", color=colour, markersize=4, label=name)
    axes.set(title="Reliability, validation", xlabel="score", ylabel="share with the label")
    axes.legend(frameon=False, fontsize=8)
    return figure


def write_contact_sheet(path: Path, pictures: Sequence[NDArray[np.uint8]], captions: Sequence[tuple[str, str]]) -> None:
    """Write pictures (h, w, 3) uint8 RGB, each with its aspect ratio and two lines of text, as a PNG file."""
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.full((rows * (CELL + TEXT), min(len(pictures), COLUMNS) * CELL, 3), PAPER, np.uint8)
    for number, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        top, left = number // COLUMNS * (CELL + TEXT), number % COLUMNS * CELL
        height, width = scaled(picture.shape[:2], (CELL - GAP) / max(picture.shape))
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        sheet[top : top + height, left : left + width] = small[:, :, ::-1]
        for line, text in enumerate(lines):
            at = (left + 1, top + CELL + 7 + 14 * line)
            cv2.putText(sheet, text[:24], at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, SHEET_INK, 1, cv2.LINE_AA)
    cv2.imwrite(str(path), sheet)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure((width, height), layout="constrained")


def _escape(label: str) -> str:
    """Escape dollar signs: Matplotlib reads what is between two of them as a formula."""
    return label.replace("$", r"\$")
