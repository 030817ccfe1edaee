from fashion_edge.result import WallClock


def test_time_stamps_follow_a_clock_that_is_set() -> None:
    wall = [1_000_000_000.0]  # a Pi without a network
    clock = WallClock(lambda: wall[0], lambda: 5.0)
    assert clock.iso(5.0).startswith("2001-09-09T")
    wall[0] += 0.1  # it drifts
    assert clock.wall(5.0) == 1_000_000_000.0
    wall[0] = 1_795_438_800.0
    assert clock.iso(5.0).startswith("2026-11-23T")
