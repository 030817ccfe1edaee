from typing import Any

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError, UsageError
from fashion_edge.sources import camera
from fashion_edge.sources.base import CameraSettings, parse_size
from fashion_edge.sources.camera import Device, Mode, choose_mode, open_camera

YUYV, MJPG = Mode("YUYV", 640, 480, 30.0), Mode("MJPG", 640, 480, 30.0)
SLOW, FAST = Mode("YUYV", 1280, 720, 10.0), Mode("MJPG", 1280, 720, 30.0)
MODES = [YUYV, MJPG, SLOW, FAST, Mode("H264", 1920, 1080, 30.0)]


@pytest.mark.parametrize(
    ("size", "fps", "expected"),
    [
        ((640, 480), 30.0, YUYV),  # as many frames, and nothing to decode
        ((1280, 720), 30.0, FAST),
        ((1280, 720), 10.0, SLOW),
        ((1920, 1080), 30.0, None),  # OpenCV reads no H.264 from a camera
    ],
)
def test_mjpg_is_chosen_only_where_it_gives_more_frames(
    size: tuple[int, int], fps: float, expected: Mode | None
) -> None:
    assert choose_mode(MODES, size, fps) == expected


class FakeCamera:
    """A camera that gives the sizes it has, whatever it is asked for."""

    def __init__(self, *sizes: tuple[int, int]) -> None:
        self._sizes = sizes
        self.asked: dict[int, float] = {}
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802
        return True

    def getBackendName(self) -> str:  # noqa: N802
        return "V4L2"

    def set(self, prop: int, value: float) -> bool:
        self.asked[prop] = value
        return True

    @property
    def _size(self) -> tuple[int, int]:
        wanted = (int(self.asked.get(cv2.CAP_PROP_FRAME_WIDTH, 0)), int(self.asked.get(cv2.CAP_PROP_FRAME_HEIGHT, 0)))
        return wanted if wanted in self._sizes else self._sizes[0]

    def get(self, prop: int) -> float:
        known = {
            cv2.CAP_PROP_FRAME_WIDTH: self._size[0],
            cv2.CAP_PROP_FRAME_HEIGHT: self._size[1],
            cv2.CAP_PROP_FPS: 30.0,
            cv2.CAP_PROP_FOURCC: self.asked.get(cv2.CAP_PROP_FOURCC, 0),
        }
        return float(known.get(prop, 0.0))

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((self._size[1], self._size[0], 3), np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def plugged(monkeypatch: pytest.MonkeyPatch) -> FakeCamera:
    """A webcam that stands at /dev/null."""
    one = FakeCamera((640, 480), (1280, 720))
    monkeypatch.setattr(camera, "query", lambda path: (Device("uvcvideo", "Cam", "usb-1", captures=True), MODES))
    monkeypatch.setattr(camera, "open_video_capture", lambda *args: one)
    return one


def test_what_is_asked_for_and_what_was_negotiated(plugged: FakeCamera) -> None:
    source = open_camera("/dev/null", CameraSettings(size=(1280, 720), fps=60.0))
    assert source.describe() == "camera:/dev/null: 1280x720 MJPG, 30 frames/s (--fps 60 is not available)"
    assert next(source.items()).image.shape == (720, 1280, 3)
    assert plugged.released


def test_a_size_that_the_camera_lacks_is_said_with_those_it_has(plugged: FakeCamera) -> None:
    with pytest.raises(SourceError, match=r"has no 800x600; it offers 640x480, 1280x720, 1920x1080$"):
        open_camera("/dev/null", CameraSettings(size=(800, 600)))


def test_a_driver_that_promises_a_size_and_gives_another_is_caught(plugged: FakeCamera) -> None:
    with pytest.raises(SourceError, match="gives 640x480 instead of 1920x1080; change --size"):
        open_camera("/dev/null", CameraSettings(size=(1920, 1080)))
    assert plugged.released


def test_a_camera_in_use_names_the_program(plugged: FakeCamera, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plugged, "isOpened", lambda: False)
    monkeypatch.setattr(camera, "holders", lambda path: ["cheese (4242)"])
    with pytest.raises(SourceError, match=r"camera /dev/null is in use by cheese \(4242\); end that program first"):
        open_camera("/dev/null", CameraSettings())


def refuse(error: OSError) -> Any:
    def query(path: str) -> None:
        raise error

    return query


def test_no_permission_gives_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera, "query", refuse(PermissionError(13, "Permission denied")))
    with pytest.raises(SourceError, match="permission denied; sudo usermod -aG video"):
        open_camera("/dev/null", CameraSettings())


@pytest.mark.parametrize("text", ["640", "640x", "0x0", "640x480x3", "axb", "-640x480"])
def test_a_size_is_two_numbers(text: str) -> None:
    with pytest.raises(UsageError, match="is not WIDTHxHEIGHT in pixels, such as 640x480"):
        parse_size(text)
    assert parse_size("1280X720") == (1280, 720)
