"""What the plots of a report show."""

import warnings

import cv2
import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_train.report import captions
from fashion_train.report.plots import (
    confused,
    plot_confusion,
    plot_history,
    plot_precision_recall,
    save_plot,
    write_contact_sheet,
)
from fashion_train.results import Epoch

pytestmark = pytest.mark.slow


def test_every_label_has_its_own_line_and_the_legend_hides_none(tmp_path):
    labels = tuple(f"label {number}" for number in range(30))
    targets = np.random.default_rng(1).integers(0, 2, (60, 30)).astype(np.float32)
    figure = plot_precision_recall(targets * 0.3 + 0.4, targets, LabelSpace(labels, {}, dict.fromkeys(labels, 0.5)))
    save_plot(tmp_path / "curves.png", figure)
    (axes,), (legend,) = figure.axes, figure.legends
    curves = [line for line in axes.lines if line.get_marker() == "None"]
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 30
    assert legend.get_window_extent().x0 > axes.get_window_extent().x1
    assert figure.bbox.contains(*legend.get_window_extent().p1)


def test_a_single_epoch_is_drawn_as_points():
    figure = plot_history([Epoch(1, 0.7, 0.6, 0.6, 0.7, 0.5, 6e-3, 100.0, 1.0)], 1)
    curves = [line for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 1]
    assert [line.get_marker() for line in curves] == ["o"] * 5


@pytest.mark.parametrize(("losses", "ticks"), [((0.9, 0.62), 3), ((0.69, 0.004), 6)])
def test_losses_are_plain_numbers(tmp_path, losses, ticks):
    history = [Epoch(n, loss, 0.6, loss, 0.7, 0.5, 6e-3, 100.0, 1.0) for n, loss in enumerate(losses, 1)]
    figure = plot_history(history, 1)
    save_plot(tmp_path / "history.png", figure)
    axis = figure.axes[0].yaxis
    low, high = sorted(axis.get_view_interval())
    texts = [tick.get_text() for tick in axis.get_ticklabels(which="both") if low <= tick.get_position()[1] <= high]
    assert len(texts) >= ticks
    assert all(low <= float(text) <= high for text in texts if text)


@pytest.mark.parametrize("names", [["a b"], ["a b", "a c", "d b", "d c"]])
def test_the_title_of_a_small_confusion_matrix_is_not_cut_off(tmp_path, names):
    figure = plot_confusion(names, names)
    save_plot(tmp_path / "table.png", figure)
    title = next(text for text in figure.texts if text.get_text().startswith("Decided"))
    extent = title.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figure.bbox.x1


@pytest.mark.parametrize("label", ["$a_b$ dress", "$a_$ dress", "赤 dress"])  # a formula, an invalid one, no glyphs
def test_a_label_of_any_letters_is_drawn_without_a_warning(tmp_path, label):
    with warnings.catch_warnings(action="error"):
        save_plot(tmp_path / "table.png", plot_confusion([label], [label]))
    assert (tmp_path / "table.png").is_file()


def test_a_small_confusion_matrix_shows_all_combinations_and_a_large_one_the_most_confused():
    rows, columns = confused(["red dress", "blue dress", ""], ["red dress", "red dress", "red shirt"])
    assert rows == ["red dress", "red shirt"]
    assert columns == ["red dress", "red shirt", "", "blue dress"]
    truth = [f"c{number:03d}" for number in range(300) for _ in range(3)]
    rows, columns = confused([name if name != "c123" else "c007" for name in truth], truth, most=5)
    assert "c123" in rows
    assert "c007" in columns
    assert (len(rows), len(columns) <= 10) == (5, True)


def test_a_photo_that_is_right_is_not_captioned_as_an_error():
    assert captions(["red shirt", "red dress"], ["red shirt", "red shirt"]) == [
        ("is red shirt", "right, least certain"),
        ("is red shirt", "decided red dress"),
    ]


@pytest.mark.parametrize(("height", "width"), [(120, 96), (40, 60), (144, 144)])
def test_a_contact_sheet_keeps_the_aspect_ratio_of_pictures(tmp_path, height, width):
    write_contact_sheet(tmp_path / "sheet.png", [np.zeros((height, width, 3), np.uint8)], [("", "")])
    rows, columns = np.nonzero(cv2.imread(str(tmp_path / "sheet.png"))[:, :, 0] == 0)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(width / height, rel=0.02)
