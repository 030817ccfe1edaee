from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.cli import run
from fashion_edge.decide import Decision
from fashion_edge.frame import Box, Frame
from fashion_edge.overlay import bar_rows, draw_no_signal, draw_result, enlarge
from fashion_edge.result import Result, Vitals

LABELS = ("black", "blue", "dress", "jeans", "red", "shirt")


def drawn(height: int, width: int, value: int, *, text: str = "red dress", **changes: object) -> np.ndarray:
    """A grey picture with annotations; `changes` are of the result."""
    image = np.full((height, width, 3), value, np.uint8)
    draw_result(replace(result_of(image), decision=Decision({}, ("dress", "red"), text), **changes))
    return image


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 640), (1080, 1920), (2160, 3840)])
def test_the_headline_stands_out_on_any_background_at_any_size(background, height, width):
    image = drawn(height, width, background)
    corner = image[: height // 12, : width // 5].astype(int)
    assert corner.max() - np.median(corner) >= 150  # white letters on a dark plate


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 10), (40, 200), (300, 30)])
def test_tiny_pictures_are_annotated_without_an_error(height, width):
    assert drawn(height, width, 128).shape == (height, width, 3)


def result_of(image: np.ndarray) -> Result:
    scores, whole = np.array([0, 0, 0.95, 0, 0.9, 0.1], np.float32), Box(0, 0, image.shape[1], image.shape[0])
    return Result(Frame(image, 0, 0.0, "x"), whole, scores, scores, Decision({}, (), "?"), 0.0, {}, LABELS)


def test_small_pictures_are_enlarged():
    image = np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8)
    shown = enlarge(replace(result_of(image), box=Box(6, 8, 48, 64)))
    assert shown.frame.image.shape == (480, 360, 3)
    assert np.array_equal(shown.frame.image[::6, ::6], image)
    assert shown.box == Box(36, 48, 288, 384)


@pytest.mark.parametrize("shape", [(360, 480, 3), (1080, 1920, 3), (1, 4000, 3)])
def test_large_pictures_and_thin_strips_keep_their_size(shape):
    assert enlarge(result_of(np.zeros(shape, np.uint8))).frame.image.shape == shape


def test_a_long_text_fits_the_width():
    short, long = drawn(240, 200, 0), drawn(240, 200, 0, text="turquoise double-breasted overcoat striped")
    assert (long[:, -2:] == 0).all()
    assert not np.array_equal(short, long)


def test_decided_labels_have_a_green_bar_and_others_a_grey_one():
    bars = drawn(480, 640, 0)[360:, 70:190]
    green = (bars[..., 1].astype(int) - bars[..., 0] > 80).any(axis=1)
    rows = [label for i, label in enumerate(LABELS) if green[i * 20 : i * 20 + 20].any()]
    assert rows == ["dress", "red"]


def test_the_region_of_interest_is_a_white_line_between_dark_ones():
    image = drawn(480, 640, 128, box=Box(140, 0, 360, 480))
    assert image[300, 138:146, 0].tolist() == [128, 128, 0, 255, 255, 0, 128, 128]
    assert (drawn(480, 640, 128)[300, 330:] == 128).all()
    small = drawn(480, 640, 128, box=Box(320, 290, 4, 4))
    assert (small[280:304, 310:334] == 128).all(), "too small for a frame"


FIGURES = Vitals(29.97, 4.13, 9.91)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1080, 1920)])
def test_rate_and_ages_are_in_the_bottom_right_corner(height, width):
    without, with_figures = (drawn(height, width, 128, vitals=vitals) for vitals in (None, FIGURES))
    changed = np.argwhere((without != with_figures).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].min() > height * 0.9
    assert changed[:, 1].min() > width / 2
    assert np.array_equal(drawn(300, 80, 128), drawn(300, 80, 128, vitals=FIGURES)), "narrow: bars only"


@pytest.mark.parametrize(("height", "width"), [(1, 1), (48, 64), (480, 640), (2160, 3840)])
def test_the_card_is_dark_and_says_why_at_any_size(height, width):
    card = draw_no_signal(height, width, "camera:0 gave no frame for 5 s · größer als jede Zeile " * 3)
    assert card.shape == (height, width, 3)
    assert np.median(card) < 60
    if height > 100:
        assert card.max() > 200


def test_a_bar_is_as_long_as_its_score():
    rows = bar_rows(("dress", "jeans"), 480, 640)
    (left, top), (right, bottom) = rows.span(1, 0.5)
    assert right - left == round(rows.length / 2)
    assert 460 <= top < bottom <= 480
    assert rows.span(0, 0.001) is None


def test_fonts_are_loaded_before_the_first_frame_where_pictures_are_drawn(run_edge, tmp_path, monkeypatch):
    order: list[str] = []
    monkeypatch.setattr(run, "load_fonts", lambda: order.append("fonts"))
    monkeypatch.setattr(run, "run", lambda *_: order.append("frames"))
    run_edge("--source", "demo", "--headless")
    run_edge("--source", "demo", "--headless", "--save", tmp_path / "stills")
    assert order == ["frames", "fonts", "frames"]
