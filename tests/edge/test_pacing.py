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


@pytest.mark.parametrize(
    ("interval", "work", "ticks", "end"),
    [
        (0.5, [0.0, 0.25, 0.125], [1, 1, 1], 101.5),
        (0.5, [1.75, 0.0], [3, 1], 102.0),
        (0.0, [0.0, 0.0], [1, 1], 100.0),
    ],
    ids=["without drift", "missed ticks are counted and skipped", "zero does not wait"],
)
def test_ticks_come_at_the_interval(clock, interval, work, ticks, end):
    pacer, seen = pacing.Pacer(interval), []
    assert pacer.wait() == 0
    for seconds in work:
        clock.now += seconds
        seen.append(pacer.wait())
    assert (seen, clock.now) == (ticks, end)


@pytest.mark.parametrize(
    ("moments", "due"),
    [
        ((7.0, 7.5, 7.75, 9.75), [0.0, 0.5, 0.75, 2.75]),
        ((0.0, 3600.0, 3600.5), [0.0, pacing.GAP_S, pacing.GAP_S + 0.5]),
        ((50.0, 3.0, 3.5), [0.0, 0.0, 0.5]),
    ],
    ids=["recorded intervals", "a long gap is shortened", "a jump back in time does not wait"],
)
def test_playback_keeps_the_recorded_intervals(clock, moments, due):
    playback, seen = pacing.Playback(), []
    for moment in moments:
        playback.wait(moment)
        seen.append(clock.now - 100.0)
    assert seen == due


def test_a_late_frame_delays_the_rest(clock):
    playback = pacing.Playback()
    playback.wait(0.0)
    clock.now += 3.0
    assert playback.wait(1.0) == 101.0, "when it was due"
    assert clock.now == 103.0
    playback.wait(2.0)
    assert clock.now == 104.0
