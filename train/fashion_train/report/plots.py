"""The pictures of a report."""

from collections import Counter
from collections.abc import Sequence
from itertools import cycle, product
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from fashion_edge.decide import LabelSpace
from fashion_train.fit.learner import Epoch
from fashion_train.tune.metrics import Scores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Bins = Sequence[tuple[float, float, int]]  # mean score, share that carries the label, how many
MOST_ROWS = 40  # of a confusion table: more could not be read, and a picture of 350 rows takes gigabytes
LEGEND_ROWS = 22  # that fit beside curves
INK, MUTED, ACCENT = "#1b1f24", "#8a94a0", "#c8102e"
LINES = tuple(product(("-", "--", ":", "-."), (f"C{number}" for number in range(10))))  # (style, colour), all unlike


def plot_history(path: Path, history: Sequence[Epoch], best_epoch: int) -> None:
    """Loss and accuracy over the epochs, training and validation; the epoch that was kept is marked."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    figure = _figure(9, 4)
    left, right = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in history]
    left.plot(epochs, [epoch.loss for epoch in history], color=MUTED, label="training (augmented)")
    left.plot(epochs, [epoch.val_loss for epoch in history], color=INK, label="validation")
    left.set(title="Loss", xlabel="epoch", yscale="log")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # evenly spaced where fewer than two of them fit
    left.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))  # plain numbers, no powers of ten
    left.yaxis.set_minor_formatter(NullFormatter())
    right.plot(epochs, [epoch.accuracy for epoch in history], color=MUTED, label="labels, training (augmented)")
    right.plot(epochs, [epoch.val_accuracy for epoch in history], color=INK, label="labels, validation")
    right.plot(epochs, [epoch.val_exact for epoch in history], color=ACCENT, label="exact match, validation")
    right.set(title="Accuracy at threshold 0.5", xlabel="epoch", ylim=(None, 1.005))
    for axes in (left, right):
        for line in axes.lines if len(history) == 1 else ():
            line.set_marker("o")  # one epoch is no line
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.axvline(best_epoch, color=ACCENT, linewidth=0.8, linestyle=":")
        axes.legend(frameon=False, fontsize=8)
    _save(figure, path)


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure((width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _save(figure: "Figure", path: Path) -> None:
    for axes in figure.axes:
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)


def _plain(label: str) -> str:
    """As it is: Matplotlib would set what stands between two dollars as a formula."""
    return label.replace("$", r"\$")


def plot_precision_recall(path: Path, scores: Scores, targets: Scores, space: LabelSpace) -> None:
    """One curve a label on the validation photos, with the tuned threshold marked."""
    from sklearn.metrics import precision_recall_curve

    legend_columns = ceil(len(space.labels) / LEGEND_ROWS)
    figure = _figure(6 + 1.2 * legend_columns, 4.5)
    axes = figure.subplots()
    for (column, label), (style, colour) in zip(enumerate(space.labels), cycle(LINES), strict=False):
        truth = targets[:, column] > 0.5
        if not truth.any():
            continue
        precision, recall, _ = precision_recall_curve(truth, scores[:, column])
        axes.plot(recall, precision, label=_plain(label), linewidth=1.4, linestyle=style, color=colour)
        said = scores[:, column] >= space.thresholds[label]
        if said.any():
            hits = (said & truth).sum()
            axes.plot(hits / truth.sum(), hits / said.sum(), "o", color=colour, markersize=4)
    axes.set(title="Precision and recall, validation (dots: thresholds)", xlabel="recall", ylabel="precision")
    figure.legend(frameon=False, fontsize=8, loc="outside right upper", ncols=legend_columns)
    _save(figure, path)


def plot_confusion(path: Path, said: Sequence[str], truth: Sequence[str]) -> None:
    """Combinations as labelled (rows) against combinations as decided (columns)."""
    rows, columns = confused(said, truth)
    pairs = Counter(zip(truth, said, strict=True))
    counts = [[pairs[row, column] for column in columns] for row in rows]
    figure = _figure(max(4.5, 1.8 + 0.62 * len(columns)), 1.8 + 0.45 * len(rows))  # the title needs 4.5 inches
    axes = figure.subplots()
    axes.imshow([[count / max(1, sum(row)) for count in row] for row in counts], cmap="Reds", vmin=0, vmax=1)
    for y, row in enumerate(counts):
        for x, count in enumerate(row):
            if count:
                axes.text(
                    x,
                    y,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=8,
                    color="white" if count > sum(row) / 2 else INK,
                )
    axes.set_xticks(range(len(columns)), map(_plain, columns), rotation=60, ha="right", fontsize=8)
    axes.set_yticks(range(len(rows)), map(_plain, rows), fontsize=8)
    which = f", the {len(rows)} most confused" if len(rows) < len(set(truth)) else ""
    figure.suptitle(f"Decided (columns) for labelled (rows{which})\nshade: share of the row")
    _save(figure, path)


def confused(said: Sequence[str], truth: Sequence[str], most: int = MOST_ROWS) -> tuple[list[str], list[str]]:
    """Rows and columns of a confusion table: all where they are few, else those with the most wrong decisions."""
    wrong = Counter(t for s, t in zip(said, truth, strict=True) if s != t)
    rows = sorted(sorted(set(truth), key=lambda name: (-wrong[name], name))[:most])
    beside = Counter(s for s, t in zip(said, truth, strict=True) if t in set(rows) and s not in set(rows))
    return rows, rows + sorted(name for name, _ in beside.most_common(most))


def plot_reliability(path: Path, before: Bins, after: Bins) -> None:
    """Mean score against the share that carries the label, before and after calibration."""
    figure = _figure(4.5, 4.2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":")
    for rows, colour, name in ((before, MUTED, "as trained"), (after, ACCENT, "calibrated")):
        axes.plot([row[0] for row in rows], [row[1] for row in rows], "o-", color=colour, markersize=4, label=name)
    axes.set(title="Reliability, validation", xlabel="score", ylabel="share that carries the label")
    axes.legend(frameon=False, fontsize=8)
    _save(figure, path)
