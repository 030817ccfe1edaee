import numpy as np
import pytest

from fashion_edge.decide import Decision
from fashion_edge.frame import Box, Frame
from fashion_edge.overlay import _draw_box, draw_no_signal, draw_result, enlarge
from fashion_edge.result import Result, Vitals

LABELS = ("black", "blue", "dress", "jeans", "red", "shirt")


def drawn(
    height: int,
    width: int,
    value: int,
    *,
    text: str = "red dress",
    box: Box | None = None,
    vitals: Vitals | None = None,
) -> np.ndarray:
    image = np.full((height, width, 3), value, np.uint8)
    scores = np.array([0, 0, 0.95, 0, 0.9, 0.1], np.float32)
    decision = Decision({}, ("dress", "red"), text)
    box = box or Box(0, 0, width, height)
    draw_result(Result(Frame(image, 0, 0.0, "x"), box, scores, scores, decision, 0.0, {}, LABELS, vitals))
    return image


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 640), (1080, 1920), (2160, 3840)])
def test_the_headline_stands_out_on_any_background_at_any_size(background: int, height: int, width: int) -> None:
    image = drawn(height, width, background)
    corner = image[: height // 12, : width // 5].astype(int)
    assert corner.max() - np.median(corner) >= 150  # white letters on a dark plate


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 10), (40, 200), (300, 30)])
def test_a_tiny_picture_is_survived(height: int, width: int) -> None:
    assert drawn(height, width, 128).shape == (height, width, 3)


def result_of(image: np.ndarray, box: Box) -> Result:
    scores = np.zeros(6, np.float32)
    return Result(Frame(image, 0, 0.0, "x"), box, scores, scores, Decision({}, (), "?"), 0.0, {}, LABELS)


def test_a_catalogue_picture_is_enlarged_until_words_leave_room_for_it() -> None:
    image = np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8)
    shown = enlarge(result_of(image, Box(6, 8, 48, 64)))
    assert shown.frame.image.shape == (480, 360, 3)
    assert np.array_equal(shown.frame.image[::6, ::6], image)
    assert shown.box == Box(36, 48, 288, 384)


@pytest.mark.parametrize(("height", "width"), [(360, 480), (1080, 1920), (1, 4000)])
def test_what_is_large_enough_or_a_strip_stays(height: int, width: int) -> None:
    result = result_of(np.zeros((height, width, 3), np.uint8), Box(0, 0, width, height))
    assert enlarge(result).frame.image.shape == (height, width, 3)


def test_a_long_text_fits_the_width() -> None:
    short, long = drawn(240, 200, 0), drawn(240, 200, 0, text="turquoise double-breasted overcoat striped")
    assert (long[:, -2:] == 0).all()
    assert not np.array_equal(short, long)


def test_what_was_decided_has_a_green_bar_and_the_rest_grey() -> None:
    bars = drawn(480, 640, 0)[360:, 70:190]
    green = (bars[..., 1].astype(int) - bars[..., 0] > 80).any(axis=1)
    rows = [label for i, label in enumerate(LABELS) if green[i * 20 : i * 20 + 20].any()]
    assert rows == ["dress", "red"]


def test_the_guide_box_is_drawn_where_the_classifier_looks() -> None:
    image = drawn(480, 640, 128, box=Box(140, 0, 360, 480))
    assert (image[300, 138:143].max(axis=1) == 255).any()
    assert (drawn(480, 640, 128)[300, 330:] == 128).all()


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1080, 1920)])
def test_rate_and_ages_stand_in_the_bottom_right_corner(height: int, width: int) -> None:
    without, with_figures = (drawn(height, width, 128, vitals=v) for v in (None, Vitals(29.97, 4.13, 9.91)))
    changed = np.argwhere((without != with_figures).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].min() > height * 0.9
    assert changed[:, 1].min() > width / 2


def test_on_a_narrow_picture_the_bars_have_the_room() -> None:
    assert np.array_equal(drawn(300, 80, 128), drawn(300, 80, 128, vitals=Vitals(29.97, 4.13, 9.91)))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (48, 64), (480, 640), (2160, 3840)])
def test_the_card_is_dark_and_says_why_at_any_size(height: int, width: int) -> None:
    card = draw_no_signal(height, width, "camera:0 gave no frame for 5 s · größer als jede Zeile " * 3)
    assert card.shape == (height, width, 3)
    assert np.median(card) < 60
    if height > 100:
        assert card.max() > 200


def test_the_box_is_a_white_line_between_dark_ones_and_leaves_its_inside_alone() -> None:
    image = np.full((120, 200, 3), 128, np.uint8)
    _draw_box(image, Box(20, 10, 100, 80), line=2)
    assert image[50, 20:26, 0].tolist() == [0, 255, 255, 0, 128, 128]
    assert image[50, 114:120, 0].tolist() == [128, 128, 0, 255, 255, 0]
    assert image[10:16, 60, 0].tolist() == [0, 255, 255, 0, 128, 128]
    assert image[84:90, 60, 0].tolist() == [128, 128, 0, 255, 255, 0]
    untouched = image.copy()
    _draw_box(image, Box(50, 30, 8, 8), line=2)
    assert (image == untouched).all(), "too small for a frame"
