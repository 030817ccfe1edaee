import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Fault, Frame
from fashion_edge.sources import open_source
from fashion_edge.sources.device import CvCapture
from fashion_edge.sources.files import shown_s

FRAMES = 20


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two seconds at ten frames a second; its writer adds an edit list that shows all of it."""
    path = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10.0, (96, 64))
    for index in range(FRAMES):
        writer.write(np.full((64, 96, 3), 10 * index, np.uint8))
    writer.release()
    return path


def trim(path: Path, seconds: float) -> None:
    """Show the first seconds alone, as a phone does: by the edit list, with all frames still in the file."""
    data = bytearray(path.read_bytes())
    units = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    struct.pack_into(">I", data, data.index(b"elst") + 12, round(seconds * units))
    path.write_bytes(data)


def test_a_trimmed_video_is_not_called_cut_short(clip: Path) -> None:
    trim(clip, 1.0)
    items = list(open_source(str(clip)).items())
    assert {type(item) for item in items} == {Frame}
    assert 9 <= len(items) <= 11
    assert shown_s(clip) == pytest.approx(1.0)


def test_a_trimmed_video_that_ends_before_its_edit_is(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trim(clip, 1.5)
    source = open_source(str(clip))
    real, reads = CvCapture.read, iter(range(4))
    monkeypatch.setattr(CvCapture, "read", lambda self: real(self) if next(reads, None) is not None else None)
    *frames, fault = source.items()
    assert len(frames) == 4
    assert isinstance(fault, Fault)
    assert "ended after 4 of 15 frames: cut short or damaged" in fault.reason


def test_a_recording_that_lost_its_end_is_called_cut_short(clip: Path) -> None:
    data = clip.read_bytes()
    clip.write_bytes(data[: data.index(b"moov") - 20])
    with pytest.raises(
        SourceError, match=r"clip\.mp4 was cut short: the list of its frames, .* copy or record it again"
    ):
        open_source(str(clip))
    still = b"".join(struct.pack(">I4s8x", 16, kind) for kind in (b"ftyp", b"meta", b"mdat"))  # as a phone keeps it
    for data in (b"hello" * 100, still):
        clip.write_bytes(data)
        with pytest.raises(SourceError, match="is not a picture or a video that can be read"):
            open_source(str(clip))


def test_an_untouched_video_shows_all_of_itself(clip: Path) -> None:
    assert shown_s(clip) == pytest.approx(FRAMES / 10)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a video",
        struct.pack(">I4s", 1, b"moov"),  # says that a long length follows, and ends
        struct.pack(">I4sQ", 1, b"free", 2**63),
        struct.pack(">I4s", 3, b"moov") * 9,  # shorter than its own head
        struct.pack(">I4s", 0, b"moov") + struct.pack(">I4s", 8, b"trak") * 5000,
        struct.pack(">I4s", 28, b"moov") + struct.pack(">I4sI", 12, b"mvhd", 0) + struct.pack(">I4s", 8, b"trak"),
    ],
)
def test_a_hostile_file_has_no_edit_list(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    assert shown_s(path) is None


def test_other_containers_have_none(tmp_path: Path) -> None:
    assert shown_s(tmp_path / "missing.avi") is None
    assert shown_s(Path("http://127.0.0.1/clip.mp4")) is None
