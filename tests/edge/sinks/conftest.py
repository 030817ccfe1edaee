"""Results for the sinks to take."""

import numpy as np
import pytest

from fashion_edge.decide import Decision
from fashion_edge.frame import Box, Frame
from fashion_edge.result import Result

LABELS = ("dress", "red")


@pytest.fixture
def make_result():
    """Build a labelled frame of one colour; `moment` is its time on the stream's clock, as frames of files have it."""

    def make(
        index=0,
        text="red dress",
        *,
        source="demo",
        size=(48, 64),
        value=90,
        captured_at=0.0,
        moment=None,
    ):
        image = np.full((*size, 3), value, np.uint8)
        decision = Decision({"colour": "red", "garment": "dress"}, LABELS, text)
        scores = np.array([0.9, 0.8], np.float32)
        frame = Frame(image, index, captured_at, source, stream_at=moment)
        return Result(frame, Box(0, 0, size[1], size[0]), scores, scores, decision, 0.01, {"infer": 0.001}, LABELS)

    return make
