import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import pytest

from fashion_edge.errors import OutputExistsError, UsageError
from fashion_edge.frame import Event
from fashion_edge.result import Result
from fashion_edge.sinks.mp4 import FragmentedMp4
from fashion_edge.sinks.video import VideoSink

Make = Callable[..., Result]


def read_frames(path: Path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path)), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


@pytest.fixture
def write(tmp_path, make_result):
    """Write a video of frames at these times of a file, or of a camera; returns its length in frames."""

    def record(fps: float, times: Iterable[float], *, live=False, still=False, suffix=".avi") -> int:
        path = tmp_path / f"out{suffix}"
        with VideoSink(path, fps, still=still) as sink:
            for time in times:
                sink.put(make_result(captured_at=time) if live else make_result(moment=time))
        return len(read_frames(path))

    return record


@pytest.mark.parametrize("suffix", [".mp4", ".avi"])
def test_a_video_gets_its_name_when_it_is_complete(tmp_path, suffix, make_result):
    path = tmp_path / f"out{suffix}"
    with VideoSink(path, fps=10.0) as sink:
        for index in range(5):
            sink.put(make_result(index, size=(48, 64) if index < 3 else (96, 128), captured_at=index / 10))
        assert not path.exists()
    assert [frame.shape for frame in read_frames(path)] == [(48, 64, 3)] * 5
    assert cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) == 10.0
    assert list(tmp_path.iterdir()) == [path]


def test_photos_of_other_shapes_are_letterboxed(tmp_path, make_result):
    path = tmp_path / "photos.avi"
    with VideoSink(path, fps=1.0, still=True) as sink:
        for size in ((48, 64), (64, 32), (10, 100)):  # height, width
            sink.put(make_result(size=size))
    bright = [frame.max(axis=2) > 45 for frame in read_frames(path)]
    lit = [(int(one.any(axis=1).sum()), int(one.any(axis=0).sum())) for one in bright]
    assert lit == pytest.approx(np.array([(48, 64), (48, 24), (6, 64)]), abs=2)


def test_an_unknown_suffix_and_an_existing_file_are_refused(tmp_path):
    with pytest.raises(UsageError, match=r"must end in \.mp4, \.avi, \.mkv"):
        VideoSink(tmp_path / "out.txt", 10.0)
    (tmp_path / "out.mp4").touch()
    with pytest.raises(OutputExistsError):
        VideoSink(tmp_path / "out.mp4", 10.0)


def test_a_video_without_frames_leaves_no_file(tmp_path):
    with VideoSink(tmp_path / "out.mp4", 10.0):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_loss_is_one_second_of_the_card(tmp_path, make_result):
    path = tmp_path / "out.avi"
    with VideoSink(path, fps=10.0) as sink:
        sink.event(Event("camera:0", "lost", 0.0, "gone"))  # before the first frame there is nothing to fit it to
        sink.put(make_result())
        for _ in range(3):
            sink.event(Event("camera:0", "lost", 0.0, "still gone"))
        sink.put(make_result())
    greys = [int(np.median(frame)) for frame in read_frames(path)]
    assert len(greys) == 1 + 10 + 1
    assert max(greys[1:11]) < 60 < min(greys[0], greys[11])


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(("fps", "late", "length"), [(10.0, 3.0, 30), (100.0, 9.0, 30)])
def test_a_video_ends_before_the_disk_is_full(tmp_path, monkeypatch, make_result, fps, late, length):
    """The disk is checked every thirty frames, also while a gap of 900 frames is filled."""
    sink = VideoSink(tmp_path / "out.avi", fps=fps)
    for index in range(30 if fps == 10.0 else 1):
        sink.put(make_result(moment=index / 10))
    monkeypatch.setattr("shutil.disk_usage", lambda folder: Usage(1 << 20))
    with pytest.raises(OSError, match="No space left on device"):
        sink.put(make_result(moment=late))
    sink.close()
    assert len(read_frames(tmp_path / "out.avi")) == length


@pytest.mark.parametrize("free", [[1 << 20], [1 << 30, 1 << 20]])  # full at the start, or at the first frame
def test_a_full_disk_keeps_the_older_video(tmp_path, monkeypatch, make_result, free):
    (tmp_path / "out.mp4").write_bytes(b"precious")
    usages = map(Usage, free)
    monkeypatch.setattr("shutil.disk_usage", lambda folder: next(usages))
    sink = VideoSink(tmp_path / "out.mp4", 10.0, overwrite=True)
    with pytest.raises(OSError, match="No space left on device"):
        sink.put(make_result())
    sink.close()
    assert sink.output is None
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"precious"]


@pytest.mark.parametrize("links", [True, False])
def test_a_name_that_is_taken_meanwhile_is_not_overwritten(tmp_path, monkeypatch, capsys, make_result, links):
    def no_link(path, target):
        raise PermissionError(f"FAT has no links: {path}, {target}")

    if not links:
        monkeypatch.setattr(Path, "hardlink_to", no_link)
    with VideoSink(tmp_path / "two.mp4", 10.0) as sink:
        sink.put(make_result())
        (tmp_path / "two.mp4").write_bytes(b"of another run")
    kept = tmp_path / "two-2.mp4"
    assert (tmp_path / "two.mp4").read_bytes() == b"of another run"
    assert len(read_frames(kept)) == 1
    assert sink.output == f"video: {kept}"
    assert f"two.mp4: another program took that name meanwhile; the output is {kept}" in capsys.readouterr().err
    assert len(list(tmp_path.iterdir())) == 2


@pytest.fixture
def killed(tmp_path):
    """Leave what a killed run leaves: the hidden file of a video, cut at the end."""

    def kill(suffix: str) -> None:
        path = tmp_path / f".out.part-0a1b2c3d{suffix}"
        code = cv2.VideoWriter.fourcc(*("MJPG" if suffix == ".avi" else "mp4v"))
        writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, code, 10.0, (64, 48))
        for index in range(100):
            writer.write(np.full((48, 64, 3), index, np.uint8))
        writer.release()
        os.truncate(path, path.stat().st_size * 9 // 10)

    return kill


def record(path: Path, make_result: Make) -> None:
    with VideoSink(path, fps=10.0) as sink:
        sink.put(make_result())


@pytest.mark.parametrize(("hidden", "suffix"), [(".ismv", ".mp4"), (".mkv", ".mkv"), (".avi", ".avi")])
def test_the_next_recording_recovers_what_a_killed_run_left(tmp_path, killed, capsys, make_result, hidden, suffix):
    killed(hidden)
    record(tmp_path / "next.mp4", make_result)
    recovered = tmp_path / f"out-recovered{suffix}"
    assert len(read_frames(recovered)) >= 80
    assert set(tmp_path.iterdir()) == {recovered, tmp_path / "next.mp4"}
    assert f"recovered {recovered}, which a run that was killed was recording" in capsys.readouterr().err


def test_what_is_recovered_replaces_nothing(tmp_path, killed, make_result):
    for name in ("out.avi", "out-recovered.avi"):
        (tmp_path / name).write_text("mine")
    killed(".avi")
    record(tmp_path / "next.mp4", make_result)
    assert (tmp_path / "out-recovered.avi").read_text() == "mine"
    assert len(read_frames(tmp_path / "out-recovered-2.avi")) >= 80


@pytest.mark.parametrize("name", [".out.part-0a1b2c3d.ismv", ".out.part-0a1b2c3d.mkv", ".out.part-4711.mp4"])
@pytest.mark.parametrize("data", [b"", b"\0\0\0\x20ftypisom and no index"])
def test_the_next_recording_removes_what_cannot_be_read(tmp_path, capsys, make_result, name, data):
    (tmp_path / name).write_bytes(data)
    record(tmp_path / "next.mp4", make_result)
    assert list(tmp_path.iterdir()) == [tmp_path / "next.mp4"]
    assert f"removed {tmp_path / name}, of which" in capsys.readouterr().err


def test_two_recordings_into_one_folder_leave_each_other_alone(tmp_path, make_result):
    with VideoSink(tmp_path / "one.mp4", fps=10.0) as one:
        one.put(make_result())
        record(tmp_path / "two.mp4", make_result)
        one.put(make_result(moment=0.1))
    assert {path.name: len(read_frames(path)) for path in tmp_path.iterdir()} == {"one.mp4": 2, "two.mp4": 1}


def test_a_video_whose_index_cannot_be_written_stays_in_fragments(tmp_path, monkeypatch, capsys, make_result):
    def full(video):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(FragmentedMp4, "finish", full)
    record(tmp_path / "out.mp4", make_result)
    assert len(read_frames(tmp_path / "out.mp4")) == 1
    assert "out.mp4: no index (No space left on device); the video stays in fragments" in capsys.readouterr().err


VARIABLE = [*(i / 60 for i in range(300)), *(5 + i / 10 for i in range(50))]
JITTER = [7.0 + i / 30 + (0.014, -0.014, 0.0)[i % 3] for i in range(300)]


@pytest.mark.parametrize(
    ("fps", "times", "options", "length"),
    [
        pytest.param(10.0, [i * 0.5 for i in range(11)], {}, 51, id="missing frames of a file are repeated"),
        pytest.param(10.0, [i * 0.01 for i in range(11)], {}, 11, id="surplus frames of a file are kept"),
        pytest.param(10.0, [0.0, 5.0, 10.0], {"still": True}, 3, id="stills are frames whatever their times"),
        pytest.param(25.0, [7.0 + i / 60 for i in range(301)], {"live": True}, 126, id="a stream drops surplus frames"),
        pytest.param(30.0, JITTER, {"live": True}, 300, id="a camera with jitter loses no frame"),
        pytest.param(35.0, VARIABLE, {}, 351, id="a variable rate keeps every frame and the length"),
        pytest.param(119.963, [0.0], {"suffix": ".mp4"}, 1, id="a rate that MPEG-4 cannot represent is rounded"),
    ],
)
def test_a_video_is_as_long_as_its_frames(write, fps, times, options, length):
    assert write(fps, times, **options) == pytest.approx(length, abs=1 if length in (126, 351) else 0)


@pytest.mark.parametrize("digits", [9, 3])  # a container may count in milliseconds
@pytest.mark.parametrize(("fps", "declared"), [(30000 / 1001, 29.97), (24000 / 1001, 23.976), (119.88012, 119.88012)])
def test_a_file_of_constant_rate_keeps_its_frames(write, fps, declared, digits):
    assert write(declared, [round(index / fps, digits) for index in range(1000)]) == 1000
