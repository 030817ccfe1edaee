import errno
import struct
from pathlib import Path

import pytest

from fashion_edge.sources.camera import ENUM_FMT, ENUM_INTERVALS, ENUM_SIZES, QUERYCAP, Device, Mode, holders, query

CAPTURE, META, HAS_DEVICE_CAPS = 0x1, 0x00800000, 0x80000000


class FakeDriver:
    """Answers the ioctls of one device as the kernel does: lists end with EINVAL."""

    def __init__(self, modes: dict[str, dict[tuple[int, int], list[int]]], caps: int = CAPTURE) -> None:
        self._modes, self._caps = modes, caps

    def __call__(self, fd: int, request: int, data: bytearray) -> None:
        if request == QUERYCAP:
            struct.pack_into(
                "16s32s32sIII",
                data,
                0,
                b"uvcvideo",
                b"Fake Cam",
                b"usb-1.2",
                0,
                HAS_DEVICE_CAPS | META | CAPTURE,
                self._caps,
            )
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


def test_a_webcam_tells_its_name_and_modes() -> None:
    device, modes = query("/dev/null", FakeDriver(WEBCAM))
    assert device == Device("uvcvideo", "Fake Cam", "usb-1.2", captures=True)
    assert modes == [
        Mode("YUYV", 640, 480, 30.0),
        Mode("YUYV", 1280, 720, 10.0),
        Mode("MJPG", 640, 480, 30.0),
        Mode("MJPG", 1280, 720, 30.0),
    ]


def test_the_second_node_of_a_webcam_gives_metadata_and_no_pictures() -> None:
    device, modes = query("/dev/null", FakeDriver(WEBCAM, caps=META))
    assert not device.captures
    assert modes == []


def test_a_file_that_is_no_device_is_an_oserror() -> None:
    with pytest.raises(OSError, match="Inappropriate ioctl"):
        query("/dev/null")


def test_a_range_of_sizes_offers_what_lies_inside() -> None:
    mode = Mode("YUYV", 16, 16, 0.0, (1920, 1080))
    assert mode.offers(640, 480)
    assert not mode.offers(3840, 2160)


def test_the_program_that_holds_a_device_is_named(tmp_path: Path) -> None:
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
