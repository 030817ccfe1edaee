"""Pictures a second: every input is timed on full terms, however small the data set, and a slow one shows as slow."""

import time

import numpy as np
import pytest

from fashion_train.input_speed import BATCH, GENERATOR, measure_inputs, time_batches

pytestmark = pytest.mark.slow

SIZE = (32, 24)
PICTURES = np.random.default_rng(0).integers(0, 256, (40, *SIZE, 3), dtype=np.uint8)
TARGETS = np.eye(40, 6, dtype=np.float32)


class Slow:
    """Draws a picture in a hundredth of a second."""

    def __len__(self):
        return 5

    def draw(self, item, rng):
        time.sleep(0.01)
        return PICTURES[item], TARGETS[item]


def test_a_slow_input_stands_beside_the_generator_as_slow():
    speeds = {
        speed.name: speed.pictures_per_second for speed in measure_inputs(PICTURES, TARGETS, {"slow": (Slow(), SIZE)})
    }
    assert list(speeds) == [GENERATOR, "the tutorial's changes by this pipeline", "slow"]
    assert speeds["slow"] < 2 / 0.01  # two threads make batches


def test_a_batch_that_is_not_full_counts_by_its_pictures():
    half = time_batches(lambda: (time.sleep(0.005), (PICTURES[: BATCH // 2],))[1], 3)
    assert half.min() >= 2 * 5.0
    with pytest.raises(StopIteration):
        time_batches(iter([]).__next__, 1)
