"""A file of fragments becomes a plain MP4, wherever it was cut."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.sinks.mp4 import FRAGMENTED, FragmentedMp4

FRAMES = 60


@pytest.fixture(scope="module")
def fragments(tmp_path_factory):
    """Two seconds that FFmpeg wrote in fragments."""
    path = tmp_path_factory.mktemp("fragments") / f"two_seconds{FRAGMENTED}"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mp4v"), 29.97, (64, 48))
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    for index in range(FRAMES):
        writer.write(np.roll(noise, index, axis=1))
    writer.release()
    return path.read_bytes()


def read_frames(path: Path) -> list[np.ndarray]:
    capture, frames = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG), []
    while (read := capture.read())[0]:
        frames.append(read[1])
    return frames


@pytest.fixture
def finish(tmp_path):
    """Finish a file with these bytes; returns its path."""

    def run(data: bytes) -> Path:
        path = tmp_path / "video.mp4"
        path.write_bytes(data)
        FragmentedMp4(path).finish()
        return path

    return run


def top_level_boxes(data: bytes) -> list[bytes]:
    """Kinds of the boxes that are complete."""
    kinds, at = [], 0
    while at < len(data):
        kind, length = data[at + 4 : at + 8], int.from_bytes(data[at : at + 4])
        at += length if length != 1 else int.from_bytes(data[at + 8 : at + 16])
        kinds += [kind] if at <= len(data) else []
    return kinds


def test_a_complete_file_has_one_index_and_the_same_frames(fragments, finish, tmp_path):
    (tmp_path / "before.mp4").write_bytes(fragments)
    path = finish(fragments)
    assert top_level_boxes(path.read_bytes()) == [b"ftyp", b"mdat", b"moov"]
    assert all(map(np.array_equal, read_frames(path), read_frames(tmp_path / "before.mp4")))
    capture = cv2.VideoCapture(str(path))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == FRAMES
    assert capture.get(cv2.CAP_PROP_FPS) == pytest.approx(29.97)
    capture.set(cv2.CAP_PROP_POS_FRAMES, 50)
    assert np.array_equal(capture.read()[1], read_frames(path)[50])


@pytest.mark.parametrize("share", np.linspace(0, 1, 20))
def test_a_file_that_was_cut_keeps_its_complete_fragments(fragments, finish, share):
    cut = fragments[: int(share * len(fragments))]
    path = finish(cut)
    if fragments_left := top_level_boxes(cut).count(b"mdat"):
        frames = min(FRAMES, 12 * fragments_left)
        assert len(read_frames(path)) == cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT) == frames
    else:
        assert path.read_bytes() == cut


def test_zeros_that_a_power_cut_left_end_the_video(fragments, finish):
    at = fragments.index(b"moof", len(fragments) // 2)
    for start in (at - 4, at + 4, at + 40):
        path = finish(fragments[:start] + bytes(len(fragments) - start))
        assert 20 <= len(read_frames(path)) < FRAMES


def test_a_finished_file_stays_as_it_is(fragments, finish):
    whole = finish(fragments).read_bytes()
    assert finish(whole).read_bytes() == whole


def test_finishing_can_be_interrupted_and_repeated(fragments, finish, tmp_path, monkeypatch):
    def crash(descriptor: int) -> None:
        raise KeyboardInterrupt(descriptor)

    whole = finish(fragments).read_bytes()
    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        finish(fragments)
    monkeypatch.undo()
    left = (tmp_path / "video.mp4").read_bytes()
    assert left != whole
    assert len(read_frames(tmp_path / "video.mp4")) == FRAMES
    assert finish(left).read_bytes() == whole


def test_frames_are_counted_while_the_file_grows(fragments, tmp_path):
    path = tmp_path / "growing.mp4"
    video = FragmentedMp4(path)
    for end in range(0, len(fragments), 1000):
        path.write_bytes(fragments[:end])
        video.update()
    path.write_bytes(fragments)
    video.finish()
    assert len(read_frames(path)) == FRAMES
