import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fashion_edge.decide import (
    MEMORY_S,
    Decision,
    LabelSpace,
    Smoothed,
    check_scores,
    compose,
    decide,
    decide_batch,
    dwell,
    hold,
    smooth,
)
from fashion_edge.errors import ScoreError

SPACE = LabelSpace(
    labels=("black", "blue", "dress", "jeans", "red", "shirt"),
    groups={"colour": ("black", "blue", "red"), "garment": ("dress", "jeans", "shirt")},
    thresholds={"black": 0.5, "blue": 0.5, "dress": 0.5, "jeans": 0.5, "red": 0.5, "shirt": 0.5},
)


def scores(**values: float) -> np.ndarray:
    return np.array([values.get(label, 0.0) for label in SPACE.labels], np.float32)


def test_a_colour_and_a_garment_are_combined():
    assert decide(scores(red=0.99, dress=0.97), SPACE) == Decision(
        {"colour": "red", "garment": "dress"}, ("dress", "red"), "red dress"
    )


@pytest.mark.parametrize(
    ("given_scores", "text"),
    [
        ({}, "nothing I know"),
        ({"blue": 0.9}, "blue ?"),
        ({"shirt": 0.9}, "? shirt"),
        ({"blue": 0.7, "red": 0.8, "shirt": 0.9}, "red shirt"),  # a group names one label, the highest
        ({"red": 0.5, "dress": 0.5}, "red dress"),  # at the threshold counts
        ({"red": 0.4999, "dress": 0.5}, "? dress"),
    ],
)
def test_decisions_are_described_in_words(given_scores, text):
    assert decide(scores(**given_scores), SPACE).text == text


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 7.3, -2.0, 1.01])
def test_a_score_that_is_not_in_0_to_1_is_refused(bad):
    with pytest.raises(ScoreError, match=rf"^camera:0: the model gives a score of {bad:.3g}, and scores lie in 0..1"):
        check_scores(scores(red=0.9, dress=bad), "camera:0")


def test_rounding_outside_0_to_1_is_clipped_and_valid_scores_pass_as_they_are():
    valid = scores(red=1.0, blue=0.25)
    assert check_scores(valid, "demo") is valid
    clipped = check_scores(scores(red=1.0000001, dress=-1e-7, blue=0.25), "demo")
    assert clipped.tolist() == scores(red=1.0, dress=0.0, blue=0.25).tolist()
    assert clipped.dtype == np.float32


def test_each_label_has_its_own_threshold():
    strict = LabelSpace(SPACE.labels, SPACE.groups, {**SPACE.thresholds, "red": 0.9, "blue": 0.2})
    assert decide(scores(red=0.8, blue=0.3, dress=1), strict).by_group == {"colour": "blue", "garment": "dress"}


def test_labels_without_a_group_are_decided_independently():
    space = LabelSpace(("striped", "red", "worn"), {"colour": ("red",)}, {"striped": 0.5, "red": 0.5, "worn": 0.5})
    decision = decide(np.array([0.9, 0.8, 0.7], np.float32), space)
    assert decision.labels == ("striped", "red", "worn")
    assert decision.text == "red striped worn"
    assert decide(np.array([0.9, 0.1, 0.1], np.float32), space).text == "? striped"


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6), min_size=1, max_size=8))
def test_a_batch_equals_its_rows(rows):
    batch = np.array(rows, np.float32)
    expected = [[label in decide(row, SPACE).labels for label in SPACE.labels] for row in batch]
    assert decide_batch(batch, SPACE).tolist() == expected


@settings(deadline=None)
@given(st.floats(0, 1, exclude_min=True))
@example(0.7)  # above the float32 nearest to it
@example(0.1)  # below
def test_a_score_at_its_threshold_is_decided_the_same_alone_and_in_a_batch(threshold):
    space = LabelSpace(("red", "worn"), {"colour": ("red",)}, {"red": threshold, "worn": threshold})
    nearest = np.float32(threshold)
    scores = [np.nextafter(nearest, np.float32(end)) for end in (-math.inf, nearest, math.inf)]
    batch = np.repeat(np.array(scores, np.float32)[:, None], 2, axis=1)
    expected = [[label in decide(row, space).labels for label in space.labels] for row in batch]
    assert decide_batch(batch, space).tolist() == expected


GROUPS = {"colour": ("blue", "red"), "garment": ("dress", "jeans")}
SMALL = LabelSpace(("blue", "dress", "jeans", "red"), GROUPS, dict.fromkeys(("blue", "dress", "jeans", "red"), 0.5))


def row(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def test_after_one_time_constant_a_step_has_come_through_by_63_percent():
    after = smooth(Smoothed(row(0.0), at=10.0), row(1.0), at=10.5, time_constant=0.5)
    assert after.scores[0] == pytest.approx(1 - math.exp(-1))


@pytest.mark.parametrize("frames_per_second", [5, 30, 120])
def test_the_result_is_the_same_at_any_frame_rate(frames_per_second):
    state = Smoothed(row(0.0), at=0.0)
    for i in range(1, frames_per_second + 1):
        state = smooth(state, row(0.4), i / frames_per_second, time_constant=0.4)
    assert state.scores[0] == pytest.approx(0.4 * (1 - math.exp(-1 / 0.4)), abs=1e-5)


@pytest.mark.parametrize(
    ("before", "at", "constant"),
    [
        (None, 0.1, 0.5),
        (Smoothed(row(1.0), 0.0), 0.1, 0.0),
        (Smoothed(row(1.0), 0.0), MEMORY_S + 0.1, 0.5),
        (Smoothed(row(1.0), 5.0), 4.9, 0.5),
    ],
)
def test_scores_pass_unchanged_without_recent_ones(before, at, constant):
    assert smooth(before, row(0.25), at, constant).scores[0] == 0.25


def test_a_cut_that_two_frames_agree_on_is_shown_at_once():
    red_jeans, blue_dress = (np.array(scores, np.float32) for scores in ((0, 0, 0.9, 1), (0.7, 1, 0, 0)))
    state, seen = Smoothed(red_jeans, 0.0, red_jeans), []
    for number in range(1, 12):
        state = smooth(state, blue_dress if number > 5 else red_jeans, number / 30, time_constant=0.25)
        seen.append(decide(state.scores, SMALL).text)
    assert seen == ["red jeans"] * 6 + ["blue dress"] * 5


def test_single_outliers_and_noise_are_smoothed():
    steady = Smoothed(row(0.0), 0.0, row(0.0))
    odd = smooth(steady, row(1.0), 1 / 30, time_constant=0.25)
    assert smooth(odd, row(0.0), 2 / 30, time_constant=0.25).scores[0] < 0.13
    assert smooth(odd, row(0.6), 2 / 30, time_constant=0.25).scores[0] < 0.2


def test_hysteresis_keeps_a_shown_label():
    space = LabelSpace(("red",), {"colour": ("red",)}, {"red": 0.5})
    assert decide(row(0.45), hold(space, ["red"], 0.1)).text == "red"
    assert decide(row(0.39), hold(space, ["red"], 0.1)).text == "nothing I know"
    assert decide(row(0.45), hold(space, [], 0.1)).text == "nothing I know"


RED, BLUE = ("red", None), ("blue", None)


@pytest.mark.parametrize(
    ("dwell_s", "steps"),  # of a step: the time, what is decided, what is shown
    [
        pytest.param(0.2, [(0.0, RED, "red ?"), (0.1, BLUE, "red ?"), (0.25, BLUE, "blue ?")], id="a label stays"),
        pytest.param(0.2, [(0.0, RED, "red ?"), (0.1, ("red", "jeans"), "red jeans")], id="empty groups fill at once"),
        pytest.param(
            0.2,
            [(0.0, RED, "red ?"), (0.1, ("blue", "jeans"), "red ?"), (0.25, ("blue", "jeans"), "blue jeans")],
            id="a new label is not combined with a held one",
        ),
        pytest.param(
            0.2,
            [(0.0, RED, "red ?"), (0.15, RED, "red ?"), (0.25, BLUE, "blue ?")],
            id="a label that stays does not restart its time",
        ),
        pytest.param(0.0, [(0.0, RED, "red ?"), (0.0, (None, None), "nothing I know")], id="without dwell"),
        pytest.param(0.2, [(9.0, RED, "red ?"), (3.0, BLUE, "blue ?")], id="after a jump back in time"),
    ],
)
def test_labels_are_shown_for_the_dwell_time(dwell_s, steps):
    shown: dict[str, float] = {}
    for at, (colour, garment), text in steps:
        groups = {"colour": colour, "garment": garment}
        labels = tuple(label for label in SMALL.labels if label in (colour, garment))
        decision, shown = dwell(shown, Decision(groups, labels, compose(groups)), SMALL, at, dwell_s)
        assert decision.text == text
