import sys
import time
from types import SimpleNamespace
from typing import Any, ClassVar

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError, UsageError
from fashion_edge.sources import open_source
from fashion_edge.sources.base import CameraSettings
from fashion_edge.sources.picamera import FORMATS, PicameraCapture, parse_awb, to_bgr


class FakeRequest:
    def __init__(self, camera: "FakePicamera2") -> None:
        self._camera = camera
        camera.held += 1

    def make_buffer(self, name: str) -> np.ndarray:
        red = np.zeros((480, 640, 3), np.uint8)
        red[:, :, 2] = 255  # picamera2's RGB888 lies in memory as B, G, R
        red[:, :, 0] = self._camera.taken % 200  # noise: no two frames are the same
        return red.ravel()

    def get_metadata(self) -> dict[str, Any]:
        self._camera.taken += 1
        sensor_ns = time.monotonic_ns() - 15_000_000
        gains = self._camera.gains[min(self._camera.taken, len(self._camera.gains)) - 1]
        return {"SensorTimestamp": sensor_ns, "ColourGains": gains}

    def release(self) -> None:
        self._camera.held -= 1


class FakePicamera2:
    """picamera2.Picamera2 as fashion_edge uses it; one camera, opened by one at a time."""

    models = ("imx708",)
    busy = False
    hangs = False
    adjusted: ClassVar[dict[str, Any]] = {}
    gains = ((1.0, 2.0), (1.5, 1.7), (1.8, 1.5), *[(1.81, 1.5)] * 20)
    camera_controls: ClassVar[dict[str, Any]] = {"AwbEnable": (False, True, None), "FrameRate": (1, 60, 30)}
    camera_properties: ClassVar[dict[str, Any]] = {"Model": "imx708"}
    opened: ClassVar[list["FakePicamera2"]] = []

    @classmethod
    def global_camera_info(cls) -> list[dict[str, Any]]:
        return [{"Model": model, "Num": i} for i, model in enumerate(cls.models)]

    def __init__(self, number: int) -> None:
        if self.busy:
            raise RuntimeError("Camera __init__ sequence did not complete.")
        self.held = self.taken = 0
        self.controls: list[dict[str, Any]] = []
        self.closed = False
        FakePicamera2.opened.append(self)

    def create_video_configuration(self, main: dict[str, Any], controls: dict[str, Any]) -> dict[str, Any]:
        return {"main": {**main, "stride": main["size"][0] * 3}, "controls": controls}

    def configure(self, config: dict[str, Any]) -> None:
        self._config = {**config, "main": {**config["main"], **self.adjusted}}

    def camera_configuration(self) -> dict[str, Any]:
        return self._config

    def set_controls(self, controls: dict[str, Any]) -> None:
        self.controls.append(controls)

    def start(self) -> None:
        pass

    def capture_request(self, wait: float) -> FakeRequest:
        if self.hangs:
            raise TimeoutError
        assert self.held == 0, "a request was kept"
        return FakeRequest(self)

    def stop(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def picamera2(monkeypatch):
    fresh = type("Fresh", (FakePicamera2,), {})
    monkeypatch.setitem(sys.modules, "picamera2", SimpleNamespace(Picamera2=fresh))
    monkeypatch.setattr(FakePicamera2, "opened", [])
    return fresh


def test_a_frame_has_its_colours_and_sensor_time_and_its_request_is_released(picamera2):
    items = open_source("picamera").items()
    frame = next(items)
    age = time.monotonic() - frame.captured_at
    assert frame.image[0, 0, 2] == 255
    assert frame.image.shape == (480, 640, 3)
    assert 0.015 <= age < 0.5
    (camera,) = picamera2.opened
    assert camera.held == 0
    items.close()
    assert camera.closed


def test_the_rate_is_that_of_the_sensor(picamera2, monkeypatch):
    real = FakeRequest.get_metadata
    monkeypatch.setattr(FakeRequest, "get_metadata", lambda self: {**real(self), "FrameDuration": 17_849})
    source = open_source("picamera", camera=CameraSettings(fps=120.0))
    assert "RGB888, 56 frames/s" in source.describe()
    assert source.fps == pytest.approx(56.03, abs=0.01), "a recording plays at it"
    picamera2.opened[0].close()


def test_a_frame_that_waited_in_the_driver_keeps_its_age(picamera2):
    stopped_s = 0.0
    capture = PicameraCapture(0, CameraSettings(), clock=lambda: time.monotonic() + stopped_s)
    capture.read()
    stopped_s = 12.0  # Ctrl-Z, and fg after twelve seconds
    shot = capture.read()
    assert shot.captured_at < time.monotonic()
    capture.close()


def test_white_balance_settles_and_is_then_locked(picamera2):
    source = open_source("picamera")
    (camera,) = picamera2.opened
    assert camera.controls == [{"AwbEnable": True, "AwbMode": 0}, {"AwbEnable": False, "ColourGains": (1.81, 1.5)}]
    assert source.describe() == (
        "picamera imx708: 640x480 RGB888, 30 frames/s, white balance settled and locked at 1.81,1.50"
    )


@pytest.mark.parametrize(
    ("awb", "controls"),
    [
        ("auto", {"AwbEnable": True, "AwbMode": 0}),
        ("daylight", {"AwbEnable": True, "AwbMode": 5}),
        ("1.8,1.6", {"AwbEnable": False, "ColourGains": (1.8, 1.6)}),
    ],
)
def test_white_balance_can_be_chosen(picamera2, awb, controls):
    open_source("picamera", camera=CameraSettings(awb=awb))
    assert picamera2.opened[0].controls == [controls]


def test_a_camera_without_white_balance_control(picamera2):
    picamera2.camera_controls = {}
    assert open_source("picamera").describe().endswith("no white balance control")
    with pytest.raises(SourceError, match="has no white balance setting"):
        open_source("picamera", camera=CameraSettings(awb="daylight"))
    assert picamera2.opened[1].closed


@pytest.mark.parametrize("awb", ["sunny", "1.8", "1,2,3", "0,1", "99,1"])
def test_a_bad_white_balance_is_refused(awb):
    with pytest.raises(UsageError, match=r"^--awb "):
        parse_awb(awb)


def test_white_balance_is_for_picamera():
    with pytest.raises(UsageError, match="is for --source picamera; demo keeps its own"):
        open_source("demo", camera=CameraSettings(awb="auto"))


def test_a_format_that_libcamera_adjusted_is_converted(picamera2):
    picamera2.adjusted = {"format": "BGR888"}
    assert next(open_source("picamera").items()).image[0, 0].tolist()[0] == 255  # converted from R, G, B


@pytest.mark.parametrize(
    ("source", "changes", "said"),
    [
        ("picamera:x", {}, "--source picamera:x is not picamera or picamera:N"),
        ("picamera:1", {}, r"libcamera finds no camera 1 \(imx708 found\): check the cable"),
        ("picamera", {"models": ()}, r"no camera 0 \(none found\)"),
        ("picamera", {"busy": True}, "camera 0 is in use by this or another program"),
        ("picamera", {"hangs": True}, "opens but gives no picture; check the ribbon cable"),
        ("picamera", {"adjusted": {"size": (1296, 972)}}, "picamera gives 1296x972 instead of 640x480; change --size"),
        ("picamera", {"adjusted": {"format": "SRGGB10"}}, "picamera gives SRGGB10, not one of RGB888"),
    ],
)
def test_a_camera_that_cannot_be_used_is_closed_and_the_reason_given(picamera2, source, changes, said):
    for name, value in changes.items():
        setattr(picamera2, name, value)
    with pytest.raises((SourceError, UsageError), match=said):
        open_source(source, camera=CameraSettings(size=(640, 480)))
    assert all(camera.closed for camera in picamera2.opened)


APT = "environment.*apt install python3-picamera2.*--system-site-packages"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'picamera2'", name="picamera2"), f"picamera2 is not in this {APT}"),
        (ModuleNotFoundError("No module named 'libcamera'", name="libcamera"), f"libcamera is not in this {APT}"),
        (ValueError("numpy.dtype size changed"), r"\(numpy.dtype size changed\): run fashion-doctor for the command"),
    ],
)
def test_the_error_for_a_missing_library_names_the_commands(monkeypatch, error, said):
    class Finder:
        @staticmethod
        def find_spec(name, *_):
            if name == "picamera2":
                raise error

    monkeypatch.delitem(sys.modules, "picamera2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder, *sys.meta_path])
    with pytest.raises(SourceError, match=said):
        open_source("picamera")


CARD = np.zeros((16, 24, 3), np.uint8)
CARD[:, :8], CARD[:, 8:16], CARD[:, 16:] = (0, 0, 255), (0, 255, 0), (255, 0, 0)  # red, green, blue


def pack(card: np.ndarray, layout: str, padding: int = 0) -> tuple[np.ndarray, int]:
    """The bytes that libcamera would give for a card; each row padded."""
    height, width = card.shape[:2]
    if layout in ("RGB888", "BGR888"):
        rows = card if layout == "RGB888" else card[:, :, ::-1]
    elif layout in ("XRGB8888", "XBGR8888"):
        colours = card if layout == "XRGB8888" else card[:, :, ::-1]
        rows = np.dstack([colours, np.full((height, width), 255, np.uint8)])
    else:
        if layout in ("YUV420", "YVU420"):  # rows of chroma are half as long, and so is their padding
            card, padding = np.pad(card, ((0, 0), (0, padding), (0, 0))), 0
        planar = cv2.cvtColor(card, cv2.COLOR_BGR2YUV_YV12 if layout == "YVU420" else cv2.COLOR_BGR2YUV_I420)
        if layout in ("NV12", "NV21"):
            u, v = planar[height:].reshape(2, -1)
            planar[height:] = np.stack([u, v] if layout == "NV12" else [v, u], axis=-1).reshape(height // 2, width)
        rows = planar
    flat = rows.reshape(len(rows), -1)
    padded = np.pad(flat, ((0, 0), (0, padding)))
    return padded.ravel(), padded.shape[1]


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("padding", [0, 8])
def test_red_stays_red_in_every_format_and_with_padded_rows(layout, padding):
    buffer, stride = pack(CARD, layout, padding)
    image = to_bgr(buffer, layout, (24, 16), stride)
    assert image.shape == (16, 24, 3)
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - CARD).max() <= 6  # 4:2:0 and its rounding


def test_an_unknown_format_and_a_short_buffer_are_refused():
    with pytest.raises(SourceError, match="gives SRGGB10, not one of RGB888"):
        to_bgr(np.zeros(100, np.uint8), "SRGGB10", (24, 16), 24)
    with pytest.raises(SourceError, match="gave 100 bytes, RGB888 of 24x16 needs 1152"):
        to_bgr(np.zeros(100, np.uint8), "RGB888", (24, 16), 72)
