from collections import deque
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.cli import main
from fashion_edge.decide import Decision
from fashion_edge.errors import UsageError
from fashion_edge.frame import Box, Event, Fault, Frame, Tick
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink


def result() -> Result:
    frame = Frame(np.zeros((4, 4, 3), np.uint8), 0, 0.0, "demo")
    scores = np.array([0.9], np.float32)
    return Result(frame, Box(0, 0, 4, 4), scores, scores, Decision({}, ("red",), "red"), 0.01, {}, ("red",))


class Notebook(Sink):
    """Writes down what it was called with."""

    def __init__(self, *, picture: bool = False, clean: bool = False) -> None:
        self.name, self.wants_picture, self.wants_clean = "notebook", picture, clean
        self.calls: list[str] = []
        self.events: list[Event] = []

    def put_clean(self, result: Result) -> None:
        self.calls.append("clean")

    def put(self, result: Result) -> None:
        self.calls.append("put")

    def fault(self, fault: Fault) -> None:
        self.calls.append("fault")

    def event(self, event: Event) -> None:
        self.events.append(event)

    def tick(self, tick: Tick) -> None:
        self.calls.append("tick")

    def close(self) -> None:
        self.calls.append("close")


class FullDisk(Notebook):
    """Fails as a file on a full disk does."""

    def put(self, result: Result) -> None:
        super().put(result)
        raise OSError(28, "No space left on device")


def fan(*sinks: Sink) -> FanOut:
    one = FanOut(clock=lambda: 7.0)
    for sink in sinks:
        one.add(sink)
    return one


def test_a_sink_that_fails_is_said_once_closed_and_left_out(capsys: pytest.CaptureFixture) -> None:
    bad, good = FullDisk(picture=True), Notebook()
    sinks = fan(bad, good)
    assert sinks.wants_picture
    for _ in range(3):
        sinks.put(result())
    assert bad.calls == ["put", "close"]
    assert good.calls == ["put"] * 3
    assert good.events == [Event("notebook", "failed", 7.0, "No space left on device")]
    assert not sinks.wants_picture, "nobody is left who needs the drawing"
    assert capsys.readouterr().err == "notebook failed: No space left on device; it is left out from here on\n"
    assert len(sinks.failures) == 1


def test_a_failure_on_closing_counts_and_the_others_are_closed() -> None:
    class Stuck(Notebook):
        def close(self) -> None:
            raise OSError(5, "Input/output error")

    good = Notebook()
    with fan(good, Stuck()) as sinks:
        pass
    assert good.calls == ["close"]
    assert sinks.failures == ["notebook failed: Input/output error; it is left out from here on"]


def test_only_who_asks_sees_the_frame_before_it_is_drawn_on() -> None:
    clean, other = Notebook(clean=True), Notebook()
    sinks = fan(clean, other)
    sinks.put_clean(result())
    sinks.tick(Tick(0.0))
    sinks.fault(Fault("x", 0, "broken"))
    assert (clean.calls, other.calls) == (["clean", "tick", "fault"], ["tick", "fault"])


def test_bad_usage_and_a_reader_that_went_away_end_the_run() -> None:
    class Refusing(Notebook):
        def __init__(self, error: Exception) -> None:
            super().__init__()
            self.error = error
            self.speaks = True

        def put(self, result: Result) -> None:
            raise self.error

    for error in (UsageError("no such codec"), BrokenPipeError()):
        with pytest.raises(type(error)):
            fan(Refusing(error)).put(result())
    pipe = Refusing(BrokenPipeError())
    pipe.speaks = False  # a pipe of its own: the others are still read
    sinks = fan(pipe)
    sinks.put(result())
    assert len(sinks.failures) == 1


def test_what_a_sink_says_of_itself_reaches_all_and_it_stays(capsys: pytest.CaptureFixture) -> None:
    away, other = Notebook(), Notebook()
    away.notices = deque([Event("broker", "failed", 1.0, "gone"), Event("broker", "restored", 2.0, "back")])
    sinks = fan(away, other)
    sinks.put(result())
    sinks.put(result())
    assert [event.state for event in other.events] == ["failed", "restored"]
    assert capsys.readouterr().err == "broker failed: gone\n"
    assert sinks.failures == []
    assert away.calls == ["put", "put"]


def test_any_sink_can_end_the_run() -> None:
    one, two = Notebook(), Notebook()
    sinks = fan(one, two)
    two.stopped = True
    sinks.tick(Tick(0.0))
    assert sinks.stopped


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_on_a_full_disk_the_labels_go_on_and_the_status_is_1(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    argv = ["--source", "demo", "--every-frame", "--frames", "5", "--headless", "--overwrite"]
    status = main([*argv, "--jsonl", "/dev/full", "--events", str(events)])
    err = capsys.readouterr().err
    assert status == 1
    assert "5 frames labelled" in err
    assert err.count("--jsonl /dev/full failed: No space left on device") == 2  # when it happened, and at the end
    assert '"event":"failed"' in events.read_text()
