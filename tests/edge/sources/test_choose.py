import os
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError, UsageError
from fashion_edge.sources import open_source
from fashion_edge.sources.base import CameraSettings


def test_a_path_that_does_not_exist_is_named_with_what_would_be_right() -> None:
    with pytest.raises(SourceError, match="source photoz does not exist; give an image, a folder"):
        open_source("photoz")


def test_a_camera_that_does_not_exist_is_named_with_those_that_do() -> None:
    with pytest.raises(SourceError, match=r"camera /dev/video97 does not exist \(.* found\); run fashion-doctor"):
        open_source("97")


def test_a_device_that_is_no_camera_cannot_be_opened() -> None:
    with pytest.raises(SourceError, match="camera /dev/null cannot be opened"):
        open_source("/dev/null")


def test_the_demo_needs_nothing() -> None:
    source = open_source("demo", every_frame=True)
    items = source.items()
    first, second = next(items), next(items)
    items.close()
    assert first.image.shape == second.image.shape == (480, 640, 3)
    assert (first.index, second.index) == (0, 1)
    assert not source.live
    assert open_source("demo").live


def test_a_still_is_one_whatever_it_is_called(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 40, 3), np.uint8))
    (tmp_path / "a.png").rename(tmp_path / "photo")
    source = open_source(str(tmp_path / "photo"))
    assert source.still, "as a video, only a guide box of it would be looked at"
    assert len(list(source.items())) == 1
    (tmp_path / "a.tga").write_bytes(b"FFmpeg reads it as a video of one frame")
    with pytest.raises(SourceError, match=r"in an unsupported format; save it as \.jpg or \.png"):
        open_source(str(tmp_path / "a.tga"))


def test_a_password_stands_in_no_message() -> None:
    for wish in (CameraSettings(size=(640, 480)), CameraSettings(awb="lock")):
        with pytest.raises(UsageError) as refused:
            open_source("rtsp://user:se@cr/et@camera/x", camera=wish)
        assert "cr/et" not in str(refused.value)


def test_a_text_is_not_drawn_and_labelled(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("red dress\n" * 40)
    with pytest.raises(SourceError, match=r"notes\.txt is a text, not a picture or a video"):
        open_source(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("name", ["pipe", "pipe.mp4"])
def test_a_pipe_is_refused_where_it_would_be_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=f"{name} is a pipe, .* save it as a file, or give a URL"):
        open_source(str(tmp_path / name))


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no memory that files lie in")
def test_a_picture_in_memory_is_no_camera() -> None:
    with TemporaryDirectory(dir="/dev/shm") as folder:
        cv2.imwrite(f"{folder}/a.png", np.zeros((60, 40, 3), np.uint8))
        assert open_source(folder).still
        assert open_source(f"{folder}/a.png").still


def test_what_is_no_camera_does_not_freeze(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 40, 3), np.uint8))
    for source in (str(tmp_path), "demo"):
        with pytest.raises(UsageError, match=f"--frozen 2 is for cameras and streams, not for {source}"):
            open_source(source, camera=CameraSettings(frozen_s=2.0))
    assert open_source(str(tmp_path), camera=CameraSettings(frozen_s=0.0)).still, "and so nothing is held against it"
