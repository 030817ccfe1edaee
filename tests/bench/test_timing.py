import itertools
import time

import numpy as np
import pytest

from fashion_bench.worker import Until, time_runs
from fashion_edge.backends.fake import FakeBackend

PICTURE = np.zeros((1, 96, 96, 3), np.uint8)
STEP_NS = 1_000_000


def stepping_clock():
    """A clock that advances by exactly one millisecond each time it is read."""
    ticks = itertools.count(0, STEP_NS)
    return lambda: next(ticks)


def test_each_sample_is_the_time_between_two_readings():
    taken = time_runs(FakeBackend([0.5]).run, [PICTURE], Until(seconds=0, samples=5), stepping_clock())
    assert taken.tolist() == [1.0] * 5


def test_both_minima_are_reached():
    fake = FakeBackend([0.5])
    taken = time_runs(fake.run, [PICTURE], Until(seconds=0.1, samples=5), stepping_clock())
    assert len(taken) == fake.runs == 50  # two readings a run, 1 ms each


def test_the_limit_ends_it_before_the_minima():
    taken = time_runs(FakeBackend([0.5]).run, [PICTURE], Until(10, 10_000, limit_seconds=0.02), stepping_clock())
    assert len(taken) == 10


def test_inputs_take_turns():
    seen = []
    pictures = [np.full_like(PICTURE, value) for value in (1, 2, 3)]
    time_runs(lambda batch: seen.append(int(batch.max())), pictures, Until(0, 7), stepping_clock())
    assert seen == [1, 2, 3, 1, 2, 3, 1]


def test_two_milliseconds_are_measured_as_two_milliseconds():
    slept = []

    def sleep(seconds: float) -> None:  # what the operating system made of it, by a clock of its own
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        time.sleep(seconds)
        slept.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - start) / 1e6)

    class Slow(FakeBackend):
        def run(self, batch):
            sleep(0.002)
            return super().run(batch)

    taken = time_runs(Slow([0.5] * 6).run, [PICTURE], Until(0, 200))
    assert np.median(taken) == pytest.approx(np.median(slept), rel=0.05)
    assert min(slept) >= 2.0
