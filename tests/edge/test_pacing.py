import pytest

from fashion_edge import pacing


class SteppingTime:
    """A clock that moves only when it is told to or slept on."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    stepping = SteppingTime()
    monkeypatch.setattr(pacing, "time", stepping)
    return stepping


def test_ticks_come_at_the_interval_without_drift(clock):
    pacer = pacing.Pacer(0.5)
    assert pacer.wait() == 0
    times = []
    for work in (0.0, 0.25, 0.125):
        clock.now += work
        assert pacer.wait() == 1
        times.append(clock.now)
    assert times == [100.5, 101.0, 101.5]


def test_missed_ticks_are_counted_and_skipped(clock):
    pacer = pacing.Pacer(0.5)
    pacer.wait()
    clock.now += 1.75
    assert pacer.wait() == 3
    assert pacer.wait() == 1
    assert clock.now == 102.0


def test_an_interval_of_zero_does_not_wait(clock):
    pacer = pacing.Pacer(0)
    assert [pacer.wait(), pacer.wait(), pacer.wait()] == [0, 1, 1]
    assert clock.now == 100.0


def test_playback_keeps_the_recorded_intervals(clock):
    playback = pacing.Playback()
    due = [playback.wait(moment) - 100.0 for moment in (7.0, 7.5, 7.75, 9.75)]
    assert due == [0.0, 0.5, 0.75, 2.75]
    assert clock.now == 102.75


def test_a_late_frame_delays_the_rest(clock):
    playback = pacing.Playback()
    playback.wait(0.0)
    clock.now += 3.0
    assert playback.wait(1.0) == 101.0, "when it was due"
    assert clock.now == 103.0
    playback.wait(2.0)
    assert clock.now == 104.0


def test_a_long_gap_is_shortened(clock):
    playback = pacing.Playback()
    for moment in (0.0, 3600.0, 3600.5):
        playback.wait(moment)
    assert clock.now == 100.0 + pacing.GAP_S + 0.5


def test_a_jump_back_in_time_does_not_wait(clock):
    playback = pacing.Playback()
    for moment in (50.0, 3.0, 3.5):
        playback.wait(moment)
    assert clock.now == 100.5
