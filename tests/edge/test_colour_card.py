"""The card as a camera sees it: in a room, at an angle, under a light, with noise."""

import re
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from fashion_edge.cli import tools
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


@pytest.fixture
def check(run_edge, tmp_path):
    """Check the colours in pictures."""

    def run(*images):
        (tmp_path / "frames").mkdir()
        for i, image in enumerate(images):
            cv2.imwrite(str(tmp_path / "frames" / f"{i}.png"), image)
        return run_edge("--colour-card", "--source", tmp_path / "frames")

    return run


def test_a_good_camera_is_ok(check):
    done = check(photograph())
    assert (done.status, done.out.count("ok ")) == (0, 2), done.out


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (photograph()[:, :, ::-1], r"^BAD  channels are swapped: blue arrives as red, red arrives as blue\n$"),
        (cv2.merge([photograph()[:, :, 1]] * 3), "^BAD  the pictures are grey"),
        (photograph(light=(1.2, 1.0, 0.6)), r"a colour cast: red 1\.2.*set --awb"),
        (photograph(brightness=0.1), "too dark to evaluate"),
        (photograph(brightness=2.0), "too bright to evaluate"),
    ],
    ids=["swapped", "grey", "cast", "dark", "bright"],
)
def test_bad_colours_are_named_with_status_3(check, image, said):
    done = check(image)
    assert done.status == 3
    assert re.search(said, done.out, re.DOTALL)


def test_drifting_white_balance_is_bad(check):
    done = check(*(photograph(light=(1.0 + 0.01 * i, 1.0, 1.0 - 0.01 * i), seed=i) for i in range(10)))
    assert done.status == 3
    assert "white balance drifts: " in done.out


def test_no_visible_card_is_status_1(check, noise):
    done = check(noise)
    assert done.status == 1
    assert "no colour card in 1 picture: hold it flat, whole and large" in done.err


def test_the_printed_card_can_be_read_and_has_its_size(run_edge, tmp_path):
    path = tmp_path / "card.png"
    assert run_edge("--print-colour-card", path).status == 0
    with Image.open(path) as image:
        assert image.size == (1680, 1200)
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    assert run_edge("--colour-card", "--source", path).status == 0
    assert "exists already" in run_edge("--print-colour-card", path).err
    assert "must end in .png" in run_edge("--print-colour-card", tmp_path / "card.jpg").err


def test_a_lost_camera_is_reported_during_the_check(run_edge, monkeypatch):
    shots = iter([Shot(photograph(), 0.0)])
    camera = SimpleNamespace(
        fps=30.0, read=lambda: next(shots, None), describe=lambda: "camera:0: 1280x720", close=lambda: None
    )
    source = ReopeningSource("camera:0", lambda: camera, pause=lambda _: time.sleep(0.01))
    monkeypatch.setattr(tools, "open_source", lambda *_, **__: source)
    done = run_edge("--colour-card", "--camera", "0", "--seconds", "0.3")
    assert "camera:0 lost: camera:0 gives no frames; trying to reopen it" in done.err
