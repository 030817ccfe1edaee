"""Standard error that goes away, as with `fashion-bench 2>&1 | head -1`, costs no figures."""

import errno
import io
import os
import sys

import pytest

from fashion_bench import survey
from fashion_bench.survey import Progress


class Gone(io.StringIO):
    """Takes the first step, and nothing after it."""

    def __init__(self, number: int, *, terminal: bool):
        super().__init__()
        self.number, self.terminal = number, terminal

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        if "litert" in self.getvalue():
            raise OSError(self.number, os.strerror(self.number))
        return super().write(text)


@pytest.mark.parametrize(
    ("number", "terminal"),
    [
        pytest.param(errno.EPIPE, False, id="the reader of the lines"),
        pytest.param(errno.EPIPE, True, id="the reader of the bar, as with FORCE_COLOR"),
        pytest.param(errno.EIO, True, id="the window of the bar"),
    ],
)
def test_what_is_shown_to_nobody_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch, number: int, terminal: bool):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(survey, "QUIET_SECONDS", -1)
    monkeypatch.setattr(sys, "stderr", Gone(number, terminal=terminal))
    with Progress() as shown:
        shown.update(1, 3, "litert int8 x1")
        shown.update(2, 3, "onnx float32 x1")
        shown.update(3, 3, "")


def test_counting_operations_is_called_that(make_result, monkeypatch):
    said = []
    monkeypatch.setattr(survey, "is_installed", lambda _: True)
    monkeypatch.setattr(survey, "ask_once", lambda bundle, case, do: {"operations": 9, "int8": 1e9, "float32": 1e9})
    (result,) = survey.add_ceiling(None, [make_result(file="a")], lambda done, total, what: said.append(what))
    assert said[0].startswith("peak of 1 thread")
    assert said[1].startswith("operations of litert ")
    assert result.extras["ceiling"]["operations"] == 9
