"""The timed loop: one sample an inference, nothing else between the two clock readings."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Clock = Callable[[], int]  # nanoseconds, never going back
NS_PER_MS = 1e6


@dataclass(frozen=True)
class Until:
    """When a block ends: both minima are reached, or the limit is."""

    seconds: float
    samples: int
    limit_seconds: float = float("inf")


def time_runs(
    run: Callable[[NDArray[np.uint8]], object],
    inputs: Sequence[NDArray[np.uint8]],
    until: Until,
    clock: Clock = time.perf_counter_ns,
) -> NDArray[np.float64]:
    """Milliseconds of each call of `run`, over `inputs` in turn, one at least."""
    taken: list[int] = []
    begin = clock()
    while True:
        picture = inputs[len(taken) % len(inputs)]
        start = clock()
        run(picture)
        stop = clock()
        taken.append(stop - start)
        elapsed = (stop - begin) * 1e-9
        if (elapsed >= until.seconds and len(taken) >= until.samples) or elapsed >= until.limit_seconds:
            return np.array(taken, np.float64) / NS_PER_MS
