import unicodedata
from dataclasses import replace

import cv2
import numpy as np
import pytest

from fashion_edge.cli import run
from fashion_edge.decide import Decision, LabelSpace, decide
from fashion_edge.frame import Box, Frame
from fashion_edge.overlay import GREEN, GREY, choose_rows, draw_no_signal, draw_result, drawable, enlarge
from fashion_edge.result import Result, Vitals

LABELS = ("black", "blue", "dress", "jeans", "red", "shirt")
SPACE = LabelSpace(
    LABELS, {"colour": ("black", "blue", "red"), "garment": ("dress", "jeans", "shirt")}, dict.fromkeys(LABELS, 0.5)
)
RED_DRESS, NOTHING = (0, 0, 0.95, 0, 0.9, 0.1), (0.1, 0.3, 0.2, 0.1, 0.2, 0)


def result_of(image: np.ndarray, scores: tuple[float, ...] = RED_DRESS, space: LabelSpace = SPACE) -> Result:
    vector, whole = np.array(scores, np.float32), Box(0, 0, image.shape[1], image.shape[0])
    return Result(Frame(image, 0, 0.0, "x"), whole, vector, vector, decide(vector, space), 0.0, {}, space)


def drawn(
    height: int, width: int, value: int | tuple[int, int, int], *scores: float, text: str = "", **changes: object
) -> np.ndarray:
    """A picture of one colour with annotations; `changes` are of the result."""
    image = np.full((height, width, 3), value, np.uint8)
    result = result_of(image, scores or RED_DRESS)
    if text:
        result = replace(result, decision=Decision({}, ("dress", "red"), text))
    draw_result(replace(result, **changes))
    return image


def covered(image: np.ndarray, value: int) -> np.ndarray:
    """Which pixels of a picture of one colour were drawn on, (height, width)."""
    return (image != value).any(axis=2)


def bars(image: np.ndarray) -> list[tuple[str, int]]:
    """Colour and length, without the threshold mark, of each bar of a black picture, from top to bottom."""
    found: list[tuple[str, int]] = []
    above = ("", 0)
    for line in image[:, :200].tolist():
        lengths = {name: line.count(list(colour)) for name, colour in (("green", GREEN), ("grey", GREY))}
        bar = max(lengths.items(), key=lambda item: item[1])
        if bar[1] >= 4 and above[1] < 4:
            found.append(bar)
        above = bar
    return found


@pytest.mark.parametrize("background", [0, 128, 255])
@pytest.mark.parametrize(("height", "width"), [(240, 320), (480, 640), (1080, 1920), (2160, 3840)])
def test_the_headline_stands_out_on_any_background_at_any_size(background, height, width):
    image = drawn(height, width, background)
    corner = image[: height // 12, : width // 5].astype(int)
    assert corner.max() - np.median(corner) >= 150  # white letters on a dark plate


@pytest.mark.parametrize(("height", "width"), [(1, 1), (20, 10), (40, 200), (300, 30)])
def test_tiny_pictures_are_annotated_without_an_error(height, width):
    assert drawn(height, width, 128).shape == (height, width, 3)


def test_small_pictures_are_enlarged():
    image = np.random.default_rng(0).integers(0, 256, (80, 60, 3), dtype=np.uint8)
    shown = enlarge(replace(result_of(image), box=Box(6, 8, 48, 64)))
    assert shown.frame.image.shape == (480, 360, 3)
    assert np.array_equal(shown.frame.image[::6, ::6], image)
    assert shown.box == Box(36, 48, 288, 384)


@pytest.mark.parametrize("shape", [(360, 480, 3), (1080, 1920, 3), (1, 4000, 3)])
def test_large_pictures_and_thin_strips_keep_their_size(shape):
    assert enlarge(result_of(np.zeros(shape, np.uint8))).frame.image.shape == shape


def test_a_long_decision_fits_the_width():
    short, long = drawn(240, 200, 0), drawn(240, 200, 0, text="turquoise double-breasted overcoat striped")
    assert (long[:, -2:] == 0).all()
    assert not np.array_equal(short, long)


def test_decided_labels_have_a_green_bar_as_long_as_the_score_and_others_a_grey_one():
    (red, long), (dress, longer), (shirt, short) = bars(drawn(480, 640, 0))
    assert (red, dress, shirt) == ("green", "green", "grey"), "in the order of the groups, not of the alphabet"
    assert short == 4, "a tenth of 44 pixels"
    assert longer - long == 2, "0.95 and 0.9"


@pytest.mark.parametrize("colour", [(30, 20, 210), (200, 120, 40), (40, 160, 60), (240, 240, 240)])
def test_what_is_behind_the_plate_keeps_its_hue(colour):
    image = drawn(480, 640, colour)
    assert image[3, 120].tolist() == [channel >> 2 for channel in colour]
    assert image[200, 300].tolist() == list(colour)


def test_a_value_is_drawn_in_per_cent_and_a_mark_at_the_threshold():
    one, other = drawn(480, 640, 0, 0, 0, 0.95, 0, 0.9, 0.1), drawn(480, 640, 0, 0, 0, 0.95, 0, 0.9, 0.2)
    rows, columns = np.nonzero((one != other).any(axis=2))
    assert rows.max() - rows.min() < 16, "in one row"
    assert columns.max() > 95, "bar, and value to the right of it"
    low = drawn(480, 640, 0, space=replace(SPACE, thresholds=SPACE.thresholds | {"shirt": 0.3}))
    columns = np.nonzero((low != one).any(axis=2) & ((low == 255) | (one == 255)).all(axis=2))[1]
    assert columns.max() - columns.min() == 10, "marks of two pixels, a fifth of 44 apart"
    hardly = drawn(480, 640, 0, 0, 0, 0.951, 0, 0.9, 0.1)
    assert np.array_equal(one, hardly), "less than a percent changes nothing"


def test_the_panel_covers_little_and_leaves_the_region_of_interest_free():
    pixels = covered(drawn(480, 640, 128), 128)
    assert pixels.mean() < 0.07
    assert not pixels[:, 150:].any(), "the guide box of live video begins at 128; fonts of OpenCV 4 are wider"


def test_while_nothing_is_decided_the_panel_is_compact():
    full, compact = (covered(drawn(480, 640, 128, *scores), 128).sum() for scores in (RED_DRESS, NOTHING))
    assert compact < full * 0.6
    assert [colour for colour, _ in bars(drawn(480, 640, 0, *NOTHING))] == ["grey", "grey"], "the best of each group"


def test_rows_are_chosen_by_score_and_stay_in_the_order_of_their_groups():
    percents = [10, 30, 20, 5, 25, 0]
    places = [place for rule in choose_rows(SPACE.rules, percents, True, 3) for place, _ in rule]
    assert places == [1, 4, 2]
    assert choose_rows(SPACE.rules, percents, True, 12) == SPACE.rules
    assert choose_rows(SPACE.rules, percents, False, 12) == (((1, 0.5),), ((2, 0.5),))
    assert choose_rows(SPACE.rules, percents, True, 0) == ()


@pytest.mark.parametrize("shape", [(480, 640), (640, 480), (1280, 720), (240, 320), (2160, 3840)])
def test_many_long_labels_cover_at_most_half_of_the_height(shape):
    labels = tuple(f"double-breasted overcoat {i}" for i in range(40))
    groups = {"a": labels[:10], "b": labels[10:13], "c": labels[20:]}
    space = LabelSpace(labels, groups, dict.fromkeys(labels, 0.5))
    image = np.full((*shape, 3), 128, np.uint8)
    draw_result(result_of(image, tuple(np.linspace(0, 0.9, 40)), space))
    assert not covered(image, 128)[shape[0] * 11 // 20 :].any()


@pytest.mark.parametrize("threshold", [0.001, 1.0])
def test_marks_at_either_end_of_a_bar_are_drawn(threshold):
    space = replace(SPACE, thresholds=dict.fromkeys(LABELS, threshold))
    image = drawn(480, 640, 0, 0, 0, 0, 0, 0, 0, space=space)
    assert (image[26:, 40:110] == 255).all(axis=2).any()


def test_texts_beyond_ascii_are_drawn_as_this_opencv_can(monkeypatch):
    monkeypatch.setattr(cv2, "__version__", "5.0.0")
    assert drawable("café 赤") == "café 赤"
    monkeypatch.setattr(cv2, "__version__", "4.10.0")
    assert drawable("café über 赤") == "cafe uber ?"
    assert drawable(unicodedata.normalize("NFD", "é")) == "e", "one letter, whichever way it is written"


def test_the_region_of_interest_is_a_white_line_between_dark_ones():
    image = drawn(480, 640, 128, box=Box(140, 0, 360, 480))
    assert image[300, 138:146, 0].tolist() == [128, 128, 0, 255, 255, 0, 128, 128]
    assert (drawn(480, 640, 128)[300, 330:] == 128).all()
    small = drawn(480, 640, 128, box=Box(320, 290, 4, 4))
    assert (small[280:304, 310:334] == 128).all(), "too small for a frame"


FIGURES = Vitals(29.97, 4.13, 9.91)


@pytest.mark.parametrize(("height", "width"), [(480, 640), (1080, 1920)])
def test_rate_and_ages_of_a_live_source_are_in_the_bottom_right_corner(height, width):
    without, with_figures = (drawn(height, width, 128, vitals=vitals) for vitals in (None, FIGURES))
    changed = np.argwhere((without != with_figures).any(axis=2))
    assert len(changed) > 100
    assert changed[:, 0].min() > height * 0.9
    assert changed[:, 1].min() > width / 2


def test_rate_and_ages_are_not_burned_into_the_frames_of_a_file():
    frame = Frame(np.full((480, 640, 3), 128, np.uint8), 0, 0.0, "clip.mp4", stream_at=0.0)
    draw_result(replace(result_of(frame.image), frame=frame, vitals=FIGURES))
    assert np.array_equal(frame.image, drawn(480, 640, 128))


@pytest.mark.parametrize(("height", "width"), [(1, 1), (48, 64), (480, 640), (2160, 3840)])
def test_the_card_is_dark_and_says_why_at_any_size(height, width):
    card = draw_no_signal(height, width, "camera:0 gave no frame for 5 s · größer als jede Zeile " * 3)
    assert card.shape == (height, width, 3)
    assert np.median(card) < 60
    if height > 100:
        assert card.max() > 200


def test_fonts_are_loaded_before_the_first_frame_where_pictures_are_drawn(run_edge, tmp_path, monkeypatch):
    order: list[str] = []
    monkeypatch.setattr(run, "load_fonts", lambda: order.append("fonts"))
    monkeypatch.setattr(run, "run", lambda *_, **__: order.append("frames"))
    run_edge("--source", "demo", "--headless")
    run_edge("--source", "demo", "--headless", "--save", tmp_path / "stills")
    assert order == ["frames", "fonts", "frames"]
