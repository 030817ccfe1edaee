import numpy as np
import pytest

from fashion_edge.decide import Decision
from fashion_edge.frame import Box, Frame
from fashion_edge.result import Result
from fashion_edge.sinks.monitors import GreyWatch

NOTHING = Decision({}, (), "nothing I know")


def watch(capsys: pytest.CaptureFixture, image: np.ndarray, seconds: int) -> str:
    sink = GreyWatch()
    for i in range(seconds * 10):
        scores = np.zeros(0, np.float32)
        sink.put_clean(
            Result(Frame(image, i, i / 10, "camera:0"), Box(0, 0, 1, 1), scores, scores, NOTHING, 0.0, {}, ())
        )
    return capsys.readouterr().err


def test_a_grey_camera_is_told_once(capsys: pytest.CaptureFixture, noise: np.ndarray) -> None:
    grey = np.repeat(noise[:, :, :1], 3, axis=2)
    assert watch(capsys, grey, seconds=20).count("the pictures are grey") == 1


def test_a_short_grey_moment_and_a_colour_camera_are_not(capsys: pytest.CaptureFixture, noise: np.ndarray) -> None:
    assert watch(capsys, np.repeat(noise[:, :, :1], 3, axis=2), seconds=2) == ""
    assert watch(capsys, noise, seconds=20) == ""
