from collections import deque
from collections.abc import Callable
from pathlib import Path

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault, Tick
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink


class Recorder(Sink):
    """Records its calls; `put` raises the error that it is given."""

    def __init__(self, *, picture: bool = False, clean: bool = False, error: Exception | None = None) -> None:
        self.name, self.wants_picture, self.wants_clean, self.error = "recorder", picture, clean, error
        self.calls: list[str] = []
        self.events: list[Event] = []
        self.put_clean, self.fault, self.tick, self.close = map(self._record, ("clean", "fault", "tick", "close"))

    def _record(self, call: str) -> Callable[..., None]:
        return lambda *_: self.calls.append(call)

    def put(self, result: Result) -> None:
        self.calls.append("put")
        if self.error:
            raise self.error

    def event(self, event: Event) -> None:
        self.events.append(event)


FULL_DISK = OSError(28, "No space left on device")


def make_fan_out(*sinks: Sink) -> FanOut:
    one = FanOut(clock=lambda: 7.0)
    for sink in sinks:
        one.add(sink)
    return one


def test_a_sink_that_fails_is_reported_once_closed_and_left_out(capsys, make_result):
    bad, good = Recorder(picture=True, error=FULL_DISK), Recorder()
    sinks = make_fan_out(bad, good)
    assert sinks.wants_picture
    for _ in range(3):
        sinks.put(make_result())
    assert bad.calls == ["put", "close"]
    assert good.calls == ["put"] * 3
    assert good.events == [Event("recorder", "failed", 7.0, "No space left on device")]
    assert not sinks.wants_picture, "no other sink needs the drawing"
    assert capsys.readouterr().err == "recorder failed: No space left on device; it is left out from here on\n"
    assert len(sinks.failures) == 1


def test_a_failure_on_closing_counts_and_the_others_are_closed():
    def fail():
        raise OSError(5, "Input/output error")

    good, stuck = Recorder(), Recorder()
    stuck.close = fail
    with make_fan_out(good, stuck) as sinks:
        pass
    assert good.calls == ["close"]
    assert sinks.failures == ["recorder failed: Input/output error; it is left out from here on"]


def test_only_sinks_that_want_it_get_the_frame_before_it_is_drawn_on(make_result):
    clean, other = Recorder(clean=True), Recorder()
    sinks = make_fan_out(clean, other)
    sinks.put_clean(make_result())
    sinks.tick(Tick(0.0))
    sinks.fault(Fault("x", 0, "broken"))
    assert (clean.calls, other.calls) == (["clean", "tick", "fault"], ["tick", "fault"])


@pytest.mark.parametrize("error", [UsageError("no such codec"), BrokenPipeError()])
def test_a_usage_error_and_a_closed_standard_output_end_the_run(make_result, error):
    speaker = Recorder(error=error)
    speaker.speaks = True
    with pytest.raises(type(error)):
        make_fan_out(speaker).put(make_result())


def test_a_closed_pipe_of_one_sink_does_not_end_the_run(make_result):
    sinks = make_fan_out(Recorder(error=BrokenPipeError()))
    sinks.put(make_result())
    assert len(sinks.failures) == 1


def test_notices_of_a_sink_are_events_for_all(capsys, make_result):
    away, other = Recorder(), Recorder()
    away.notices = deque([Event("broker", "failed", 1.0, "gone"), Event("broker", "restored", 2.0, "back")])
    sinks = make_fan_out(away, other)
    sinks.put(make_result())
    sinks.put(make_result())
    assert [event.state for event in other.events] == ["failed", "restored"]
    assert capsys.readouterr().err == "broker failed: gone\n"
    assert sinks.failures == []
    assert away.calls == ["put", "put"]


def test_any_sink_can_end_the_run():
    one, two = Recorder(), Recorder()
    sinks = make_fan_out(one, two)
    two.stopped = True
    sinks.tick(Tick(0.0))
    assert sinks.stopped


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_does_not_end_the_run_and_the_status_is_1(run_demo, tmp_path):
    events = tmp_path / "events.jsonl"
    status, _, err = run_demo(5, "--overwrite", "--jsonl", "/dev/full", "--events", events)
    assert status == 1
    assert "5 frames labelled" in err
    assert err.count("--jsonl /dev/full failed: No space left on device") == 2  # when it happened, and at the end
    assert '"event":"failed"' in events.read_text()
