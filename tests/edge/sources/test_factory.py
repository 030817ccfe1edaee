import os
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError, UsageError
from fashion_edge.sources import open_source
from fashion_edge.sources.base import CameraSettings


def test_the_error_for_a_missing_camera_lists_the_cameras():
    with pytest.raises(SourceError, match=r"camera /dev/video97 does not exist \(.* found\); run fashion-doctor"):
        open_source("97")


def test_the_demo_is_live_unless_every_frame_is_read():
    source = open_source("demo", every_frame=True)
    items = source.items()
    first, second = next(items), next(items)
    items.close()
    assert first.image.shape == second.image.shape == (480, 640, 3)
    assert (first.index, second.index) == (0, 1)
    assert not source.live
    assert open_source("demo").live


def test_a_still_is_recognized_by_its_content(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 40, 3), np.uint8))
    (tmp_path / "a.png").rename(tmp_path / "photo")
    source = open_source(str(tmp_path / "photo"))
    assert source.still, "as a video, only its guide box would be classified"
    assert len(list(source.items())) == 1
    (tmp_path / "a.tga").write_bytes(b"FFmpeg reads it as a video of one frame")
    with pytest.raises(SourceError, match=r"in an unsupported format; save it as \.jpg or \.png"):
        open_source(str(tmp_path / "a.tga"))


@pytest.mark.parametrize("settings", [{"size": (640, 480)}, {"awb": "lock"}])
def test_a_password_is_in_no_message(settings):
    with pytest.raises(UsageError) as refused:
        open_source("rtsp://user:se@cr/et@camera/x", camera=CameraSettings(**settings))
    assert "cr/et" not in str(refused.value)


@pytest.mark.parametrize("name", ["pipe", "pipe.mp4"])
def test_a_pipe_is_refused(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(SourceError, match=f"{name} is a pipe, .* save it as a file, or give a URL"):
        open_source(str(tmp_path / name))


@pytest.mark.skipif(not Path("/dev/shm").is_dir(), reason="no file system in memory")
def test_a_picture_in_dev_shm_is_not_a_camera():
    with TemporaryDirectory(dir="/dev/shm") as folder:
        cv2.imwrite(f"{folder}/a.png", np.zeros((60, 40, 3), np.uint8))
        assert open_source(folder).still
        assert open_source(f"{folder}/a.png").still


def test_frozen_feed_detection_is_for_cameras_and_streams(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((60, 40, 3), np.uint8))
    for source in (str(tmp_path), "demo"):
        with pytest.raises(UsageError, match=f"--frozen 2 is for cameras and streams, not for {source}"):
            open_source(source, camera=CameraSettings(frozen_s=2.0))
    assert open_source(str(tmp_path), camera=CameraSettings(frozen_s=0.0)).still
