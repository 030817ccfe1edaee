"""The time at which frames of a network stream were captured, by the clock of the stream."""

from itertools import accumulate

import pytest

from fashion_edge.sources.stream import DRIFT, StreamClock, skip_backlog

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


def test_time_stamps_that_ffmpeg_counted_itself_are_not_used():
    ages = told_ages(StreamClock(held_s=0.0, fps=FPS), list(accumulate([0.05] * 100)))
    assert ages == pytest.approx([0.0] * 100), "15 frames/s that FFmpeg takes for 25 are not late"


def test_time_stamps_of_the_sender_are_used_from_the_first_irregular_one():
    clock = StreamClock(held_s=0.0, fps=FPS)
    for arrival, stamp in [(10.0, 0.0), (10.04, 0.04), (10.08, 0.0803)]:
        clock.captured_at(arrival, stamp)
    assert clock.captured_at(12.0, 0.12) == pytest.approx(12 - 1.88, abs=1e-3)


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
