import pytest

from fashion_edge.result import REFRESH_S, Meter, WallClock


@pytest.mark.parametrize(
    ("count", "is_slow", "least", "most"),
    [(300, lambda frame: frame < 30, 10, 10), (140, lambda frame: frame % 50 == 0, 150, 200)],
    ids=["slow in the beginning", "one slow frame in fifty"],
)
def test_the_rate_counts_intervals_and_the_ages_are_of_the_last_seconds(count, is_slow, least, most):
    meter = Meter()
    for frame in range(count):
        vitals = meter.update(frame / 30, 0.200 if is_slow(frame) else 0.010)
    assert (vitals.fps, vitals.age_p50_ms) == pytest.approx((30.0, 10.0))
    assert least - 1e-6 <= vitals.age_p99_ms <= most + 1e-6


def test_figures_change_twice_a_second():
    meter = Meter()
    shown = [meter.update(frame / 100, frame / 1000) for frame in range(200)]
    assert len(set(map(id, shown[100:]))) == pytest.approx(1 / REFRESH_S, abs=1)


def test_before_the_second_frame_there_is_no_rate():
    assert Meter().update(5.0, 0.02).fps == 0.0
    assert Meter().update(5.0, 0.02).describe() == "age 20.0/20.0 ms  0.0 fps"


def test_time_stamps_follow_a_clock_that_is_set():
    wall = [1_000_000_000.0]  # a Pi without a network
    clock = WallClock(lambda: wall[0], lambda: 5.0)
    assert clock.iso(5.0).startswith("2001-09-09T")
    wall[0] += 0.1  # it drifts
    assert clock.wall(5.0) == 1_000_000_000.0
    wall[0] = 1_795_438_800.0
    assert clock.iso(5.0).startswith("2026-11-23T")
