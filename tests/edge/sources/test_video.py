from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Fault, Frame
from fashion_edge.sources import files, open_source
from fashion_edge.sources.device import CvCapture

FRAMES = 12


def picture(index: int) -> np.ndarray:
    """A frame whose brightness tells which one it is."""
    return np.full((64, 96, 3), 10 + 20 * (index % FRAMES), np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 64))
    for i in range(FRAMES):
        writer.write(picture(i))
    writer.release()
    return path


def test_a_video_gives_every_frame_once_in_order(clip: Path) -> None:
    source = open_source(str(clip))
    frames = list(source.items())
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [round((int(frame.image.mean()) - 10) / 20) for frame in frames] == list(range(FRAMES))
    assert source.fps == 25.0
    assert "96x64 MJPG, 25 frames/s" in source.describe()
    assert not source.live


def test_a_watched_video_plays_at_its_own_rate_and_loses_no_frame(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(files.Playback, "wait", lambda _, moment: waits.append(moment) or 1e9)
    source = open_source(str(clip), watched=True)
    assert not source.live, "only the newest frame would count"
    frames = list(source.items())
    assert len(frames) == FRAMES
    assert waits == pytest.approx([i / 25 for i in range(FRAMES)])
    assert {frame.captured_at for frame in frames} == {1e9}, "as old as its place in the film"
    waits.clear()
    list(open_source(str(clip), watched=True, every_frame=True).items())
    assert waits == []


def test_a_watched_video_of_varying_rate_plays_as_fast_as_things_happened(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(files.Playback, "wait", lambda _, moment: waits.append(moment) or 0.0)
    shown = [0.0, 0.1, 0.2, 0.3, 1.3, 2.3, 3.3, 4.3, 5.3, 5.4, 5.5, 5.6]  # a screen on which little happens
    times = iter(shown)
    monkeypatch.setattr(CvCapture, "position_s", lambda _: next(times))
    list(open_source(str(clip), watched=True).items())
    assert waits == shown


def test_a_video_that_was_cut_short_says_so(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(clip))
    real, reads = CvCapture.read, iter(range(4))
    monkeypatch.setattr(CvCapture, "read", lambda self: real(self) if next(reads, None) is not None else None)
    items = list(source.items())
    assert [type(item) for item in items] == [Frame] * 4 + [Fault]
    assert "ended after 4 of 12 frames: cut short or damaged" in items[-1].reason


def test_a_file_that_cannot_be_decoded_is_not_called_damaged(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(clip))
    monkeypatch.setattr(CvCapture, "read", lambda _: None)
    (fault,) = source.items()
    assert fault.reason.endswith("gives no picture: OpenCV here cannot decode it; mp4 or jpg works")


def test_frames_stand_on_the_files_own_clock(clip: Path) -> None:
    times = [frame.stream_at for frame in open_source(str(clip)).items()]
    assert times == pytest.approx([i / 25 for i in range(FRAMES)], abs=1e-6)


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not a video" * 100)
    with pytest.raises(SourceError, match=r"clip\.mp4 is not a picture or a video that can be read"):
        open_source(str(path))


def test_a_name_with_a_colon_is_no_protocol(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(clip.parent)
    clip.rename("cam-12:30.avi")
    assert len(list(open_source("cam-12:30.avi").items())) == FRAMES


def test_the_true_cause_is_named_where_a_video_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "clip.mp4"
    path.touch()
    with pytest.raises(SourceError, match=r"clip\.mp4 is empty \(0 bytes\), not a video"):
        open_source(str(path))
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"clip\.mp4 cannot be read: permission denied; change its mode"):
        open_source(str(path))
