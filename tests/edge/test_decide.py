import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fashion_edge.decide import Decision, LabelSpace, decide, decide_batch

SPACE = LabelSpace(
    labels=("black", "blue", "dress", "jeans", "red", "shirt"),
    groups={"colour": ("black", "blue", "red"), "garment": ("dress", "jeans", "shirt")},
    thresholds={"black": 0.5, "blue": 0.5, "dress": 0.5, "jeans": 0.5, "red": 0.5, "shirt": 0.5},
)


def scores(**values: float) -> np.ndarray:
    return np.array([values.get(label, 0.0) for label in SPACE.labels], np.float32)


def test_a_colour_and_a_garment_make_a_sentence() -> None:
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
def test_what_is_said(given_scores: dict[str, float], text: str) -> None:
    assert decide(scores(**given_scores), SPACE).text == text


def test_each_label_has_its_own_threshold() -> None:
    strict = LabelSpace(SPACE.labels, SPACE.groups, {**SPACE.thresholds, "red": 0.9, "blue": 0.2})
    assert decide(scores(red=0.8, blue=0.3, dress=1), strict).by_group == {"colour": "blue", "garment": "dress"}


def test_labels_without_a_group_stand_for_themselves() -> None:
    space = LabelSpace(("striped", "red", "worn"), {"colour": ("red",)}, {"striped": 0.5, "red": 0.5, "worn": 0.5})
    decision = decide(np.array([0.9, 0.8, 0.7], np.float32), space)
    assert decision.labels == ("striped", "red", "worn")
    assert decision.text == "red striped worn"
    assert decide(np.array([0.9, 0.1, 0.1], np.float32), space).text == "? striped"


@settings(deadline=None)
@given(st.lists(st.lists(st.floats(0, 1, width=32), min_size=6, max_size=6), min_size=1, max_size=8))
def test_a_batch_is_decided_as_its_rows_are(rows: list[list[float]]) -> None:
    batch = np.array(rows, np.float32)
    expected = [[label in decide(row, SPACE).labels for label in SPACE.labels] for row in batch]
    assert decide_batch(batch, SPACE).tolist() == expected


@settings(deadline=None)
@given(st.floats(0, 1, exclude_min=True))
@example(0.7)  # above the float32 nearest to it
@example(0.1)  # below
def test_a_score_next_to_its_threshold_is_decided_alike_alone_and_in_a_batch(threshold: float) -> None:
    space = LabelSpace(("red", "worn"), {"colour": ("red",)}, {"red": threshold, "worn": threshold})
    nearest = np.float32(threshold)
    scores = [np.nextafter(nearest, np.float32(end)) for end in (-math.inf, nearest, math.inf)]
    batch = np.repeat(np.array(scores, np.float32)[:, None], 2, axis=1)
    expected = [[label in decide(row, space).labels for label in space.labels] for row in batch]
    assert decide_batch(batch, space).tolist() == expected
