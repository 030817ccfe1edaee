"""The card as a camera sees it: in a room, at an angle, under a light, with noise."""

import time
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fashion_edge.cli import main, tools
from fashion_edge.colour_card import draw_card
from fashion_edge.sources.device import ReopeningSource, Shot


def photograph(
    light: tuple[float, float, float] = (1.0, 1.0, 1.0), brightness: float = 0.8, seed: int = 0
) -> np.ndarray:
    """A frame 1280x720 with the card at an angle; `light` is red, green, blue."""
    rng = np.random.default_rng(seed)
    card = draw_card()
    height, width = card.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    place = np.array([(310, 80), (980, 120), (1010, 610), (270, 640)], np.float32)
    matrix = cv2.getPerspectiveTransform(corners, place)
    room = np.full((720, 1280, 3), (120, 135, 140), np.uint8)
    scene = cv2.warpPerspective(card, matrix, (1280, 720), dst=room, borderMode=cv2.BORDER_TRANSPARENT)
    lit = scene * brightness * np.array(light[::-1]) + rng.normal(0, 3, scene.shape)
    return lit.clip(0, 255).astype(np.uint8)


def check(capsys: pytest.CaptureFixture, image: np.ndarray, tmp_path: Path) -> tuple[int, str]:
    path = tmp_path / "frame.png"
    cv2.imwrite(str(path), image)
    status = main(["--colour-card", "--source", str(path)])
    return status, capsys.readouterr().out


def test_a_good_camera_is_ok(capsys, tmp_path):
    status, out = check(capsys, photograph(), tmp_path)
    assert (status, out.count("ok ")) == (0, 2), out


def test_swapped_channels_are_bad(capsys, tmp_path):
    status, out = check(capsys, photograph()[:, :, ::-1], tmp_path)
    assert status == 3
    assert out == "BAD  channels are swapped: blue arrives as red, red arrives as blue\n"


def test_a_grey_feed_is_bad(capsys, tmp_path):
    grey = cv2.cvtColor(cv2.cvtColor(photograph(), cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    status, out = check(capsys, grey, tmp_path)
    assert status == 3
    assert out.startswith("BAD  the pictures are grey")


def test_a_colour_cast_is_bad_and_has_figures(capsys, tmp_path):
    status, out = check(capsys, photograph(light=(1.2, 1.0, 0.6)), tmp_path)
    assert status == 3
    assert "a colour cast: red 1.2" in out
    assert "set --awb" in out


@pytest.mark.parametrize(("brightness", "said"), [(0.1, "too dark to evaluate"), (2.0, "too bright to evaluate")])
def test_too_dark_and_too_bright_pictures_are_bad(capsys, tmp_path, brightness, said):
    status, out = check(capsys, photograph(brightness=brightness), tmp_path)
    assert status == 3
    assert said in out


def test_drifting_white_balance_is_bad(capsys, tmp_path):
    for i in range(10):
        light = (1.0 + 0.01 * i, 1.0, 1.0 - 0.01 * i)
        cv2.imwrite(str(tmp_path / f"{i}.png"), photograph(light=light, seed=i))
    assert main(["--colour-card", "--source", str(tmp_path)]) == 3
    assert "white balance drifts: " in capsys.readouterr().out


def test_no_visible_card_is_status_1(capsys, tmp_path, noise):
    cv2.imwrite(str(tmp_path / "room.png"), noise)
    assert main(["--colour-card", "--source", str(tmp_path / "room.png")]) == 1
    assert "no colour card in 1 picture: hold it flat, whole and large" in capsys.readouterr().err


def test_the_printed_card_can_be_read_and_has_its_size(capsys, tmp_path):
    path = tmp_path / "card.png"
    assert main(["--print-colour-card", str(path)]) == 0
    with Image.open(path) as image:
        assert image.size == (1680, 1200)
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    assert main(["--colour-card", "--source", str(path)]) == 0
    assert main(["--print-colour-card", str(path)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert main(["--print-colour-card", str(tmp_path / "card.jpg")]) == 2
    assert "must end in .png" in capsys.readouterr().err


def test_a_lost_camera_is_reported_during_the_check(capsys, monkeypatch):
    shots = iter([Shot(photograph(), 0.0)])

    class LooseCamera:
        fps = 30.0

        def read(self):
            return next(shots, None)

        def describe(self):
            return "camera:0: 1280x720"

        def close(self):
            pass

    def open_loose(*_, **__):
        return ReopeningSource("camera:0", LooseCamera, pause=lambda _: time.sleep(0.01))

    monkeypatch.setattr(tools, "open_source", open_loose)
    main(["--colour-card", "--camera", "0", "--seconds", "0.3"])
    assert "camera:0 lost: camera:0 gives no frames; trying to reopen it" in capsys.readouterr().err
