"""The pictures of a report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from fashion_train.learn import Epoch

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, MUTED, ACCENT = "#1b1f24", "#8a94a0", "#c8102e"


def plot_history(path: Path, history: Sequence[Epoch], best_epoch: int) -> None:
    """Loss and accuracy over the epochs, training and validation; the epoch that was kept is marked."""
    figure = _figure(9, 4)
    left, right = figure.subplots(1, 2)
    epochs = [epoch.epoch for epoch in history]
    left.plot(epochs, [epoch.loss for epoch in history], color=MUTED, label="training (augmented)")
    left.plot(epochs, [epoch.val_loss for epoch in history], color=INK, label="validation")
    left.set(title="Loss", xlabel="epoch", yscale="log")
    right.plot(epochs, [epoch.accuracy for epoch in history], color=MUTED, label="labels, training (augmented)")
    right.plot(epochs, [epoch.val_accuracy for epoch in history], color=INK, label="labels, validation")
    right.plot(epochs, [epoch.val_exact for epoch in history], color=ACCENT, label="exact match, validation")
    right.set(title="Accuracy at threshold 0.5", xlabel="epoch", ylim=(None, 1.005))
    for axes in (left, right):
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
