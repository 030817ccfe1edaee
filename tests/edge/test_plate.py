from pathlib import Path

import numpy as np
import pytest

from fashion_edge.cli import main, run
from fashion_edge.overlay import DIM, Plate, bar_rows, corner, headline


@pytest.mark.parametrize("value", [0, 50, 255])
def test_what_lies_under_a_plate_is_dimmed_and_the_words_are_white(value: int) -> None:
    image = np.full((40, 60, 3), value, np.uint8)
    words = np.zeros((10, 20, 3), np.uint8)
    words[4, 5] = 255
    Plate(30, 20, words).draw(image)
    assert image[24, 35].tolist() == [255, 255, 255]
    assert image[20, 30].tolist() == [min(value, DIM)] * 3
    assert (image[:20] == value).all()
    assert (image[30:] == value).all()


@pytest.mark.parametrize(("height", "width"), [(1, 1), (30, 200), (480, 640)])
def test_a_headline_lies_inside_the_picture(height: int, width: int) -> None:
    tall, wide = headline("turquoise double-breasted overcoat", height, width).words.shape[:2]
    assert tall <= height
    assert wide <= width


def test_a_plate_is_made_once_for_as_long_as_its_words_are_said() -> None:
    assert headline("red dress", 480, 640) is headline("red dress", 480, 640)
    assert headline("red dress", 480, 640) is not headline("red jeans", 480, 640)


def test_the_corner_is_left_out_where_the_bars_need_the_room() -> None:
    assert corner("age 4.1/9.0 ms  30.0 fps", 480, 640) is not None
    assert corner("age 4.1/9.0 ms  30.0 fps", 300, 80) is None


def test_a_bar_is_as_long_as_its_score_and_none_for_nothing() -> None:
    rows = bar_rows(("dress", "jeans"), 480, 640)
    (left, top), (right, bottom) = rows.span(1, 0.5)
    assert right - left == round(rows.length / 2)
    assert 460 <= top < bottom <= 480
    assert rows.span(0, 0.001) is None


def test_fonts_are_read_before_the_first_frame_and_only_for_who_wants_a_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    monkeypatch.setattr(run, "load_fonts", lambda: order.append("fonts"))
    monkeypatch.setattr(run, "run", lambda *_: order.append("frames"))
    main(["--source", "demo", "--headless"])
    assert order == ["frames"]
    main(["--source", "demo", "--headless", "--save", str(tmp_path / "stills")])
    assert order == ["frames", "fonts", "frames"]
