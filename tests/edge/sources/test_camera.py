import errno
import struct

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError, UsageError
from fashion_edge.sources import camera
from fashion_edge.sources.base import CameraSettings, parse_size
from fashion_edge.sources.camera import (
    ENUM_FMT,
    ENUM_INTERVALS,
    ENUM_SIZES,
    QUERYCAP,
    Device,
    Mode,
    choose_mode,
    holders,
    open_camera,
    query,
)

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
def test_mjpg_is_chosen_only_where_it_gives_more_frames(size, fps, expected):
    assert choose_mode(MODES, size, fps) == expected


WIDTH, HEIGHT = cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT


class FakeCamera:
    """OpenCV's VideoCapture on a camera at 30 frames/s: it gives the sizes that it has, whatever is set."""

    def __init__(self, *sizes: tuple[int, int]) -> None:
        self.sizes = sizes
        self.props: dict[int, float] = {}
        self.released = False

    def isOpened(self) -> bool:  # noqa: N802  # OpenCV's name
        return True

    def getBackendName(self) -> str:  # noqa: N802
        return "V4L2"

    def set(self, prop: int, value: float) -> None:
        self.props[prop] = value

    def get(self, prop: int) -> float:
        wanted = self.props.get(WIDTH), self.props.get(HEIGHT)
        width, height = wanted if wanted in self.sizes else self.sizes[0]
        known = {WIDTH: width, HEIGHT: height, cv2.CAP_PROP_FPS: 30.0}
        return known.get(prop, self.props.get(prop, 0.0))

    def grab(self) -> bool:
        return True

    def retrieve(self) -> tuple[bool, np.ndarray]:
        return True, np.zeros((int(self.get(HEIGHT)), int(self.get(WIDTH)), 3), np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture
def plugged(monkeypatch):
    """A webcam at /dev/null."""
    one = FakeCamera((640, 480), (1280, 720))
    monkeypatch.setattr(camera, "query", lambda path: (Device("uvcvideo", "Cam", "usb-1", captures=True), MODES))
    monkeypatch.setattr(camera, "open_video_capture", lambda *args: one)
    return one


def test_the_size_is_set_and_the_negotiated_mode_described(plugged):
    source = open_camera("/dev/null", CameraSettings(size=(1280, 720), fps=60.0))
    assert source.describe() == "camera:/dev/null: 1280x720 MJPG, 30 frames/s (--fps 60 is not available)"
    assert next(source.items()).image.shape == (720, 1280, 3)
    assert plugged.released


@pytest.mark.parametrize(
    ("size", "said"),
    [
        ((800, 600), r"has no 800x600; it offers 640x480, 1280x720, 1920x1080$"),
        ((1920, 1080), "gives 640x480 instead of 1920x1080; change --size"),
    ],
    ids=["not offered", "not given"],
)
def test_a_size_that_the_camera_does_not_give_is_an_error(plugged, size, said):
    with pytest.raises(SourceError, match=said):
        open_camera("/dev/null", CameraSettings(size=size))
    assert plugged.released == (size == (1920, 1080))


def test_a_camera_in_use_names_the_program(plugged, monkeypatch):
    monkeypatch.setattr(plugged, "isOpened", lambda: False)
    monkeypatch.setattr(camera, "holders", lambda path: ["cheese (4242)"])
    with pytest.raises(SourceError, match=r"camera /dev/null is in use by cheese \(4242\); end that program first"):
        open_camera("/dev/null", CameraSettings())


def test_the_error_for_a_missing_permission_names_the_command(monkeypatch):
    def query(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(camera, "query", query)
    with pytest.raises(SourceError, match="permission denied; sudo usermod -aG video"):
        open_camera("/dev/null", CameraSettings())


@pytest.mark.parametrize("text", ["640", "640x", "0x0", "640x480x3", "axb", "-640x480"])
def test_a_size_is_two_numbers(text):
    with pytest.raises(UsageError, match="is not WIDTHxHEIGHT in pixels, such as 640x480"):
        parse_size(text)
    assert parse_size("1280X720") == (1280, 720)


CAPTURE, META, HAS_DEVICE_CAPS = 0x1, 0x00800000, 0x80000000


class FakeDriver:
    """Answers the ioctls of one device as the kernel does: lists end with EINVAL."""

    def __init__(self, modes: dict[str, dict[tuple[int, int], list[int]]], caps: int = CAPTURE) -> None:
        self._modes, self._caps = modes, caps

    def __call__(self, fd: int, request: int, data: bytearray) -> None:
        if request == QUERYCAP:
            caps = 0, HAS_DEVICE_CAPS | META | CAPTURE, self._caps
            struct.pack_into("16s32s32sIII", data, 0, b"uvcvideo", b"Fake Cam", b"usb-1.2", *caps)
            return
        index, code = struct.unpack_from("II", data)
        try:
            self._answer(request, index, code, data)
        except (IndexError, KeyError):
            raise OSError(errno.EINVAL, "end of the list") from None

    def _answer(self, request: int, index: int, code: int, data: bytearray) -> None:
        fourcc = code.to_bytes(4, "little").decode("latin-1")
        if request == ENUM_FMT:
            struct.pack_into("I", data, 44, int.from_bytes(list(self._modes)[index].encode(), "little"))
        elif request == ENUM_SIZES:
            struct.pack_into("III", data, 8, 1, *list(self._modes[fourcc])[index])
        elif request == ENUM_INTERVALS:
            width, height = struct.unpack_from("II", data, 8)
            struct.pack_into("III", data, 16, 1, 1, self._modes[fourcc][width, height][index])


WEBCAM = {
    "YUYV": {(640, 480): [15, 30], (1280, 720): [10]},
    "MJPG": {(640, 480): [30], (1280, 720): [30]},
}


def test_the_name_and_modes_of_a_webcam_are_read():
    device, modes = query("/dev/null", FakeDriver(WEBCAM))
    assert device == Device("uvcvideo", "Fake Cam", "usb-1.2", captures=True)
    assert modes == [YUYV, SLOW, MJPG, FAST]


def test_the_metadata_node_of_a_webcam_captures_nothing():
    device, modes = query("/dev/null", FakeDriver(WEBCAM, caps=META))
    assert (device.captures, modes) == (False, [])


def test_a_file_that_is_not_a_video_device_is_an_oserror():
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        query("/dev/null")


def test_a_range_of_sizes_includes_what_is_inside():
    mode = Mode("YUYV", 16, 16, 0.0, (1920, 1080))
    assert mode.offers(640, 480)
    assert not mode.offers(3840, 2160)


def test_the_program_that_holds_a_device_is_found(tmp_path):
    process = tmp_path / "4242"
    (process / "fd").mkdir(parents=True)
    (process / "fd" / "3").symlink_to("/dev/video0")
    (process / "comm").write_text("cheese\n")
    (tmp_path / "17" / "fd").mkdir(parents=True)
    assert holders("/dev/video0", tmp_path) == ["cheese (4242)"]
    assert holders("/dev/video1", tmp_path) == []
    by_name = tmp_path / "usb-Logitech_C920-video-index0"
    by_name.symlink_to("/dev/video0")
    assert holders(str(by_name), tmp_path) == ["cheese (4242)"]
