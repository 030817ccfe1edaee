"""The progress display that all commands share."""

import errno
import io
import os
import sys
from itertools import count

import pytest
from rich.table import Table

from fashion_edge.console import say
from fashion_edge.progress import Progress, SteadyConsole, make_progress


class Screen(io.StringIO):
    """Standard error as a terminal, or as a file."""

    def __init__(self, *, terminal: bool) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


class ClosedScreen(Screen):
    """Accepts the first case and fails from then on."""

    def __init__(self, number: int, *, terminal: bool) -> None:
        super().__init__(terminal=terminal)
        self.number = number

    def write(self, text: str) -> int:
        if "litert" in self.getvalue():
            raise OSError(self.number, os.strerror(self.number))
        return super().write(text)


@pytest.fixture
def show(monkeypatch):
    """Replace standard error."""
    monkeypatch.setenv("TERM", "xterm")

    def replace(screen: Screen) -> Screen:
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return replace


@pytest.fixture
def clock():
    """A clock that advances eleven seconds each time it is read, so that every update is due."""
    return count(0, 11).__next__


def test_a_terminal_shows_one_line_that_is_erased_at_the_end(show, clock):
    screen = show(Screen(terminal=True))
    with Progress("fashion-bench", clock) as progress:
        progress.update("litert int8", 1, 12)
        progress.update("onnx float32", 2, 12)
    shown = screen.getvalue()
    assert "litert int8" in shown
    assert "2/12" in shown
    assert "\n" not in shown[: shown.index("onnx float32")]
    assert shown.endswith("\x1b[2K")


def test_a_message_goes_above_the_line(show, clock):
    screen = show(Screen(terminal=True))
    with Progress("fashion-bench", clock) as progress:
        progress.update("litert int8", 1, 12)
        say("a message that stays")
        assert screen.getvalue().endswith("a message that stays\n")


@pytest.mark.parametrize(
    ("name", "shown"),
    [("fashion-bench", "fashion-bench: litert int8, 1 of 12\nfashion-bench: litert int8, 3 of 12\n"), (None, "")],
)
def test_a_file_gets_plain_lines_every_ten_seconds_if_there_is_a_name(show, name, shown):
    screen, seconds = show(Screen(terminal=False)), iter([0.0, 3.0, 12.0, 15.0, 25.0])
    with Progress(*[name] if name else [], clock=seconds.__next__) as progress:
        for done in range(4):
            progress.update("litert int8", done, 12)
    assert screen.getvalue() == shown


@pytest.mark.parametrize(
    ("number", "terminal"),
    [
        pytest.param(errno.EPIPE, False, id="a pipe that was closed"),
        pytest.param(errno.EPIPE, True, id="a pipe with FORCE_COLOR"),
        pytest.param(errno.EIO, True, id="a terminal that was closed"),
    ],
)
def test_a_closed_standard_error_does_not_end_the_run(show, clock, number, terminal):
    show(ClosedScreen(number, terminal=terminal))
    with Progress("fashion-bench", clock) as progress:
        progress.update("litert int8 x1", 1, 3)
        progress.update("onnx float32 x1", 2, 3)
        progress.update("", 3, 3)


def test_a_library_function_prints_nothing_without_progress(capsys):
    with make_progress(False) as progress:
        progress.update("reading", 1, 2)
        progress.line("done")
    assert capsys.readouterr() == ("", "")
    with make_progress(True) as progress:
        progress.line("done")
    assert capsys.readouterr().err == "done\n"


def test_a_function_is_called_with_each_line():
    lines = []
    with make_progress(lines.append) as progress, progress.step("export"):
        progress.update("reading", 1, 2)
    assert [line.split(":")[0] for line in lines] == ["export ...", "export"]


def test_tables_contain_no_control_characters(capsys):
    console = SteadyConsole(width=60)
    table = Table("name\x1b[2J")
    table.add_row("model\x1b]0;title\x07")
    console.print(table)
    console.print("one\x1b[31m", "two\nthree", markup=False)
    said = capsys.readouterr().out
    assert "\x1b" not in said
    assert r"model\x1b]0;title\x07" in said
    assert r"one\x1b[31m two" in said.splitlines()
