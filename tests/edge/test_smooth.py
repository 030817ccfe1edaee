import math

import numpy as np
import pytest

from fashion_edge.decide import LabelSpace, decide
from fashion_edge.smooth import MEMORY_S, Smoothed, hold, smooth


def row(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def test_after_one_time_constant_a_step_has_come_through_by_63_percent() -> None:
    after = smooth(Smoothed(row(0.0), at=10.0), row(1.0), at=10.5, time_constant=0.5)
    assert after.scores[0] == pytest.approx(1 - math.exp(-1))


@pytest.mark.parametrize("frames_per_second", [5, 30, 120])
def test_the_result_is_the_same_at_any_frame_rate(frames_per_second: int) -> None:
    state = Smoothed(row(0.0), at=0.0)
    for i in range(1, frames_per_second + 1):
        state = smooth(state, row(1.0), i / frames_per_second, time_constant=0.4)
    assert state.scores[0] == pytest.approx(1 - math.exp(-1 / 0.4), abs=1e-5)


@pytest.mark.parametrize(
    ("before", "at", "constant"),
    [
        (None, 0.1, 0.5),
        (Smoothed(row(1.0), 0.0), 0.1, 0.0),
        (Smoothed(row(1.0), 0.0), MEMORY_S + 0.1, 0.5),
        (Smoothed(row(1.0), 5.0), 4.9, 0.5),
    ],
)
def test_scores_pass_as_they_are_without_a_usable_past(before: Smoothed | None, at: float, constant: float) -> None:
    assert smooth(before, row(0.25), at, constant).scores[0] == 0.25


def test_a_shown_label_stays_until_it_is_clearly_gone() -> None:
    space = LabelSpace(("red",), {"colour": ("red",)}, {"red": 0.5})
    assert decide(row(0.45), hold(space, ["red"], 0.1)).text == "red"
    assert decide(row(0.39), hold(space, ["red"], 0.1)).text == "nothing I know"
    assert decide(row(0.45), hold(space, [], 0.1)).text == "nothing I know"
