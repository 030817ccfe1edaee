"""The time at which frames of a network stream were captured, by the clock of the stream."""

import socket
import threading
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.opencv import cv2
from fashion_edge.sources.device import CvCapture, open_video_capture
from fashion_edge.sources.stream import DRIFT, StreamClock, has_clock, skip_backlog

FPS = 25.0


def told_ages(clock: StreamClock, delays: list[float], *, fps: float = FPS, begin: float = 0.0) -> list[float]:
    """Ages by the clock for frames captured at `fps` that arrive so many seconds later."""
    moments = [100.0 + i / fps for i in range(len(delays))]
    return [
        moment + delay - clock.captured_at(moment + delay, begin + moment - 100.0)
        for moment, delay in zip(moments, delays, strict=True)
    ]


@pytest.mark.parametrize("begin", [0.0, -3.2, 95_443.7], ids=["zero", "negative", "near the end of 33 bits"])
def test_what_a_frame_waits_longer_than_the_fastest_one_is_its_age(begin):
    delays = [0.05, 0.04, 0.06, 1.5, 4.0, 0.04]
    ages = told_ages(StreamClock(held_s=0.0), delays, begin=begin)
    assert ages == pytest.approx([0, 0, 0.02, 1.46, 3.96, 0], abs=1e-3)


def test_the_frame_that_the_decoder_keeps_is_part_of_the_age():
    assert told_ages(StreamClock(held_s=0.04), [0.1, 0.1]) == pytest.approx([0.04, 0.04], abs=1e-3)


def test_a_camera_whose_clock_is_slow_does_not_seem_late():
    hour = 3600 * 5
    clock = StreamClock(held_s=0.0)
    late = [100 + i / 5 - clock.captured_at(100 + i / 5, i / 5 * (1 - DRIFT / 2)) for i in range(hour)]
    assert max(late) < 0.01


@pytest.mark.parametrize("jump", [-50.0, 90.0], ids=["back", "far ahead"])
def test_a_sender_that_starts_again_has_a_new_clock(jump):
    clock = StreamClock(held_s=0.0)
    clock.captured_at(100.0, 60.0)
    assert clock.captured_at(103.0, 60.0 + jump) == 103.0
    assert clock.captured_at(104.5, 61.0 + jump) == pytest.approx(104.0, abs=1e-3), "half a second late on the new one"


def jpegs() -> bytes:
    return cv2.imencode(".jpg", np.zeros((48, 64, 3), np.uint8))[1].tobytes() * 20


def transport_stream(path: Path) -> bytes:
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"mpg1"), FPS, (64, 48))
    for level in range(20):
        writer.write(np.full((48, 64, 3), 10 * level, np.uint8))
    writer.release()
    return path.read_bytes()


@pytest.mark.parametrize("raw", [True, False], ids=["raw video", "transport stream"])
def test_time_stamps_that_ffmpeg_counts_itself_are_not_a_clock(tmp_path, raw):
    data = jpegs() if raw else transport_stream(tmp_path / "a.ts")
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send():
            connection, _ = server.accept()
            with connection:
                connection.sendall(data)

        threading.Thread(target=send, daemon=True).start()
        capture = open_video_capture(f"tcp://127.0.0.1:{server.getsockname()[1]}", cv2.CAP_FFMPEG)
    stream = CvCapture(capture, "camera")
    try:
        assert has_clock(stream) != raw
    finally:
        stream.close()


class Backlog:
    """A stream of 10 frames/s that was opened for a while before its first frame is read."""

    fps = 10.0

    def __init__(self, waiting: int) -> None:
        self.waiting, self.now, self.grabbed = waiting, 50.0, 0

    def grab(self) -> bool:
        self.now += 0.002 if self.grabbed < self.waiting else 1 / self.fps
        self.grabbed += 1
        return True

    def position_s(self) -> float:
        return max(0, self.grabbed - 1) / self.fps  # the first two frames have the same time stamp


def test_what_gathered_while_the_stream_was_opened_is_skipped():
    stream = Backlog(waiting=26)
    skip_backlog(stream, clock=lambda: stream.now)
    assert stream.grabbed == 27
