"""What the pictures of a report show."""

import warnings

import cv2
import matplotlib
import numpy as np
import pytest
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from fashion_edge.decide import LabelSpace
from fashion_train.fit.learner import Epoch
from fashion_train.report import plots
from fashion_train.report.plots import confused, plot_confusion, plot_history, plot_precision_recall
from fashion_train.report.report import captions, legible_letters, write_sheet

pytestmark = pytest.mark.slow


@pytest.fixture
def figures(monkeypatch):
    """What is drawn while a test runs."""
    drawn, save = [], plots._save
    monkeypatch.setattr(plots, "_save", lambda figure, path: (drawn.append(figure), save(figure, path)))
    return drawn


def test_every_label_has_a_line_of_its_own_and_no_legend_hides_it(tmp_path, figures):
    labels = tuple(f"label {number}" for number in range(30))
    targets = np.random.default_rng(1).integers(0, 2, (60, 30)).astype(np.float32)
    space = LabelSpace(labels, {}, dict.fromkeys(labels, 0.5))
    plot_precision_recall(tmp_path / "curves.png", targets * 0.3 + 0.4, targets, space)
    (axes,), (legend,) = figures[0].axes, figures[0].legends
    curves = [line for line in axes.lines if line.get_marker() == "None"]
    assert len({(line.get_color(), line.get_linestyle()) for line in curves}) == 30
    assert legend.get_window_extent().x0 > axes.get_window_extent().x1
    assert figures[0].bbox.contains(*legend.get_window_extent().p1)


def test_one_epoch_is_seen_as_a_point(tmp_path, figures):
    plot_history(tmp_path / "history.png", [Epoch(1, 0.7, 0.6, 0.6, 0.7, 0.5, 6e-3, 100.0, 1.0)], 1)
    curves = [line for axes in figures[0].axes for line in axes.lines if len(line.get_xdata()) == 1]
    assert [line.get_marker() for line in curves] == ["o"] * 5


@pytest.mark.parametrize(("losses", "ticks"), [((0.9, 0.62), 3), ((0.69, 0.004), 6)])
def test_losses_are_plain_numbers(tmp_path, figures, losses, ticks):
    history = [Epoch(n, loss, 0.6, loss, 0.7, 0.5, 6e-3, 100.0, 1.0) for n, loss in enumerate(losses, 1)]
    plot_history(tmp_path / "history.png", history, 1)
    axis = figures[0].axes[0].yaxis
    low, high = sorted(axis.get_view_interval())
    texts = [tick.get_text() for tick in axis.get_ticklabels(which="both") if low <= tick.get_position()[1] <= high]
    assert len(texts) >= ticks
    assert all(low <= float(text) <= high for text in texts if text)


def test_a_photo_that_is_right_is_not_shown_as_a_mistake():
    assert captions(["red shirt", "red dress"], ["red shirt", "red shirt"]) == [
        ("is red shirt", "right, least certain"),
        ("is red shirt", "said red dress"),
    ]


@pytest.mark.parametrize("names", [["a b"], ["a b", "a c", "d b", "d c"]])
def test_the_title_of_a_small_table_is_not_cut(tmp_path, figures, names):
    plot_confusion(tmp_path / "table.png", names, names)
    title = next(text for text in figures[0].findobj(Text) if text.get_text().startswith("Decided"))
    extent = title.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= figures[0].bbox.x1


def test_a_dollar_in_a_label_is_a_dollar(tmp_path, figures):
    plot_confusion(tmp_path / "table.png", ["$a_b$ dress"], ["$a_b$ dress"])
    assert {text.get_text() for text in figures[0].axes[0].get_yticklabels()} == {r"\$a_b\$ dress"}  # escaped
    plot_confusion(tmp_path / "table.png", ["$a_$ dress"], ["$a_$ dress"])  # no formula; would be an error as one


def test_a_small_table_of_confusions_shows_all():
    rows, columns = confused(["red dress", "blue dress", ""], ["red dress", "red dress", "red shirt"])
    assert rows == ["red dress", "red shirt"]
    assert columns == ["red dress", "red shirt", "", "blue dress"]


def test_a_large_table_of_confusions_shows_the_most_confused():
    truth = [f"c{number:03d}" for number in range(300) for _ in range(3)]
    said = [name if name != "c123" else "c007" for name in truth]
    rows, columns = confused(said, truth, most=5)
    assert "c123" in rows
    assert len(rows) == 5
    assert "c007" in columns
    assert len(columns) <= 10


@pytest.fixture
def bundled_fonts(monkeypatch):
    """As on a machine that has no other fonts than Matplotlib's."""
    there = [font for font in fontManager.ttflist if font.fname.startswith(matplotlib.get_data_path())]
    monkeypatch.setattr(fontManager, "ttflist", there)


@pytest.mark.usefixtures("bundled_fonts")
def test_a_label_is_drawn_by_a_font_that_has_its_letters(tmp_path, figures, capsys):
    with legible_letters("rotの"):
        plot_confusion(tmp_path / "table.png", ["rotの"], ["rotの"])
    assert "STIXGeneral" in figures[0].axes[0].get_yticklabels()[0].get_fontfamily()
    assert not capsys.readouterr().err


@pytest.mark.usefixtures("bundled_fonts")
def test_letters_that_no_font_has_are_said_in_one_sentence(tmp_path, capsys):
    with warnings.catch_warnings(action="error"), legible_letters("赤 dress"):
        plot_confusion(tmp_path / "table.png", ["赤 dress"], ["赤 dress"])
    said = capsys.readouterr().err
    assert said.startswith("plots show boxes for letters that no font here has, such as 赤: install one")
    assert said.count("\n") == 1


@pytest.mark.parametrize(("height", "width"), [(120, 96), (40, 60), (144, 144)])
def test_a_contact_sheet_shows_pictures_as_wide_as_they_are(tmp_path, height, width):
    write_sheet(tmp_path / "sheet.png", [np.zeros((height, width, 3), np.uint8)], [("", "")])
    rows, columns = np.nonzero(cv2.imread(str(tmp_path / "sheet.png"))[:, :, 0] == 0)
    assert (np.ptp(columns) + 1) / (np.ptp(rows) + 1) == pytest.approx(width / height, rel=0.02)
