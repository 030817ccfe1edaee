import pytest

from fashion_edge import pace


class SteppingTime:
    """A clock that moves only when it is told to or slept on."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SteppingTime:
    stepping = SteppingTime()
    monkeypatch.setattr(pace, "time", stepping)
    return stepping


def test_ticks_come_at_the_interval_without_drift(clock: SteppingTime) -> None:
    pacer = pace.Pacer(0.5)
    assert pacer.wait() == 0
    times = []
    for work in (0.0, 0.25, 0.125):
        clock.now += work
        assert pacer.wait() == 1
        times.append(clock.now)
    assert times == [100.5, 101.0, 101.5]


def test_ticks_that_were_missed_are_counted_not_caught_up(clock: SteppingTime) -> None:
    pacer = pace.Pacer(0.5)
    pacer.wait()
    clock.now += 1.75
    assert pacer.wait() == 3
    assert pacer.wait() == 1
    assert clock.now == 102.0


def test_without_an_interval_nothing_waits(clock: SteppingTime) -> None:
    pacer = pace.Pacer(0)
    assert [pacer.wait(), pacer.wait(), pacer.wait()] == [0, 1, 1]
    assert clock.now == 100.0
