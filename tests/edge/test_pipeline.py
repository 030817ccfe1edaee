from collections.abc import Iterator

import numpy as np
import pytest

from fashion_edge.backends.fake import FakeBackend
from fashion_edge.bundle import Bundle
from fashion_edge.decide import Smoothing
from fashion_edge.frame import Box, Event, Fault, Frame, Item, Tick
from fashion_edge.pipeline import STALE_WARNING, Labeller, Options, Summary, run
from fashion_edge.result import Result, WallClock, event_record, fault_record, result_record
from fashion_edge.sinks.base import FanOut, Sink

RED_DRESS = {"red": 0.99, "dress": 0.98}


class SteppingClock:
    """Advances by exactly one millisecond a call."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


class ListSink(Sink):
    def __init__(self, *, wants_picture: bool = False, stop_after: int | None = None) -> None:
        self.results: list[Result] = []
        self.others: list[Item] = []
        self.wants_picture = wants_picture
        self._stop_after = stop_after

    def put(self, result: Result) -> None:
        self.results.append(result)
        self.stopped = len(self.results) == self._stop_after

    def fault(self, fault: Fault) -> None:
        self.others.append(fault)

    def event(self, event: Event) -> None:
        self.others.append(event)


def frames(n: int, step: float = 0.0) -> Iterator[Frame]:
    for i in range(n):
        yield Frame(np.full((480, 640, 3), 200, np.uint8), i, i * step, "fake", 0.25)


def backend(shipped: Bundle, **scores: float) -> FakeBackend:
    return FakeBackend(
        [scores.get(label, 0.0) for label in shipped.manifest.space.labels], shipped.manifest.input.shape
    )


def labeller(shipped: Bundle, options: Options, *, still: bool = False, **scores: float) -> Labeller:
    return Labeller(
        shipped.manifest, backend(shipped, **(scores or RED_DRESS)), options, still=still, clock=SteppingClock()
    )


def test_a_frame_is_labelled_and_each_stage_timed(shipped):
    result = labeller(shipped, Options()).label(next(frames(1)))
    assert result.decision.text == "red dress"
    assert result.box == Box(128, 0, 384, 480)
    assert result.stages_s == pytest.approx({"capture": 0.25, "preprocess": 0.001, "infer": 0.001, "decide": 0.001})
    assert result.age_s == pytest.approx(0.005)  # captured at 0, decided at the clock's fifth call


def test_the_json_record_is_as_documented(shipped):
    result = labeller(shipped, Options(), still=True).label(next(frames(1)))
    clock = WallClock(wall=lambda: 1_795_438_800.0, monotonic=lambda: 0.0)
    assert result_record(result, clock) == {
        "source": "fake",
        "frame": 0,
        "captured_at": "2026-11-23T13:00:00.000Z",
        "age_ms": 5.0,
        "labels": ["dress", "red"],
        "decision": {"colour": "red", "garment": "dress"},
        "text": "red dress",
        "scores": {"black": 0.0, "blue": 0.0, "dress": 0.98, "jeans": 0.0, "red": 0.99, "shirt": 0.0},
        "stages_ms": {"capture": 250.0, "preprocess": 1.0, "infer": 1.0, "decide": 1.0},
    }
    assert fault_record(Fault("x.jpg", 3, "x.jpg is empty")) == {
        "source": "x.jpg",
        "frame": 3,
        "error": "x.jpg is empty",
    }
    assert event_record(Event("camera:0", "lost", 0.5, "unplugged"), clock)["at"] == "2026-11-23T13:00:00.500Z"


def test_limits_end_the_run_exactly(shipped):
    options = Options(frames=3)
    sink, summary = ListSink(), Summary()
    run(frames(10), labeller(shipped, options), sink, options, summary)
    assert len(sink.results) == summary.frames == 3


def test_seconds_end_the_run(shipped):
    options = Options(seconds=0.0035)
    sink = ListSink()
    run(frames(100), labeller(shipped, options), sink, options, Summary(), clock=SteppingClock())
    assert len(sink.results) == 4  # one call sets the deadline, one follows each frame


def test_a_sink_can_end_the_run(shipped):
    sink = ListSink(stop_after=2)
    run(frames(10), labeller(shipped, Options()), sink, Options(), Summary())
    assert len(sink.results) == 2


def test_faults_and_events_reach_the_sinks_and_the_run_continues(shipped):
    good = list(frames(2))
    fault, lost = Fault("fake", 7, "broken"), Event("fake", "lost", 1.0, "gone")
    sink, summary = ListSink(), Summary()
    run([good[0], fault, lost, good[1]], labeller(shipped, Options()), sink, Options(), summary)
    assert sink.others == [fault, lost]
    assert (summary.frames, summary.faults) == (2, 1)


def test_nothing_is_drawn_unless_a_sink_wants_the_picture(shipped):
    plain, drawn = ListSink(), ListSink(wants_picture=True)
    run(frames(1), labeller(shipped, Options()), plain, Options(), Summary())
    run(frames(1), labeller(shipped, Options()), drawn, Options(), Summary())
    assert (plain.results[0].frame.image == 200).all()
    assert not (drawn.results[0].frame.image == 200).all()
    assert "draw" in drawn.results[0].stages_s


def test_stills_are_not_smoothed_and_live_frames_are(shipped):
    class Flicker(FakeBackend):
        """Sure of a red dress, but for every third frame."""

        def run(self, batch):
            scores = super().run(batch)
            return scores * (0.0 if self.runs % 3 == 0 else 1.0)

    def texts(*, still):
        scores = [RED_DRESS.get(label, 0.0) for label in shipped.manifest.space.labels]
        flicker = Flicker(scores, shipped.manifest.input.shape)
        one = Labeller(shipped.manifest, flicker, Options(), still=still)
        return {one.label(frame).decision.text for frame in frames(9, step=1 / 30)}

    assert texts(still=True) == {"red dress", "nothing I know"}
    assert texts(still=False) == {"red dress"}


def test_a_lost_source_resets_smoothing(shipped):
    one = labeller(shipped, Options(), **RED_DRESS)
    first, second = frames(2, step=0.01)
    one.label(first)
    one._backend = backend(shipped, blue=0.9, jeans=0.9)
    one.reset()
    assert one.label(second).decision.text == "blue jeans"


def test_the_rate_counts_intervals_not_frames():
    times = iter([10.0, 10.5, 11.0])
    summary = Summary(clock=lambda: next(times))
    result = Result.__new__(Result)
    object.__setattr__(result, "age_s", 0.020)
    object.__setattr__(result, "decision", type("Said", (), {"text": "red dress"}))
    for _ in range(3):
        summary.count(result)
    assert summary.fps == 2.0  # three frames in one second are two intervals of half a second
    assert summary.age_ms(99) == pytest.approx(20.0)
    assert summary.describe(dropped=4)[0] == "3 frames labelled, 2.0 frames/s, 4 dropped for newer ones, 0 not readable"


def test_a_frame_whose_label_would_be_too_old_is_discarded_and_counted(shipped):
    clock = SteppingClock()  # a label costs four calls: 4 ms
    old, fresh = (
        Frame(np.zeros((48, 64, 3), np.uint8), 0, -1.0, "fake"),
        Frame(np.zeros((48, 64, 3), np.uint8), 1, 0.0, "fake"),
    )
    options = Options(max_age_s=0.1)
    sink, summary = ListSink(), Summary()
    one = Labeller(shipped.manifest, backend(shipped, **RED_DRESS), options, still=False, clock=clock)
    run([old, fresh], one, sink, options, summary, clock=clock)
    assert [result.frame.index for result in sink.results] == [1]
    assert summary.stale == 1
    assert summary.describe()[0].endswith("0 not readable, 1 discarded as too old")


def test_a_warning_is_printed_once_while_all_frames_are_too_old(shipped, capsys):
    options, summary, sink = Options(max_age_s=0.003), Summary(), ListSink()
    clock = SteppingClock()
    one = Labeller(shipped.manifest, backend(shipped, **RED_DRESS), options, still=False, clock=clock)
    fresh = (Frame(np.zeros((48, 64, 3), np.uint8), i, clock.now, "fake") for i in range(3 * STALE_WARNING))
    run(fresh, one, sink, options, summary, clock=clock)
    assert summary.stale == 3 * STALE_WARNING
    said = capsys.readouterr().err.splitlines()
    assert said == ["the last 100 frames were discarded as too old, this one at 6.0 ms; raise --max-age-ms"]


def test_a_frame_that_grows_too_old_while_it_is_labelled_is_discarded_too(shipped):
    options, summary, sink = Options(max_age_s=0.003), Summary(), ListSink()
    clock = SteppingClock()
    one = Labeller(shipped.manifest, backend(shipped, **RED_DRESS), options, still=False, clock=clock)
    run(frames(1), one, sink, options, summary, clock=clock)  # 1 ms old when it comes, 5 ms when it is labelled
    assert sink.results == []
    assert summary.stale == 1


def test_a_discarded_frame_does_not_change_later_decisions(shipped):
    def last(*, slow):
        """Smoothed over three frames, of which the middle one may take too long."""
        clock = SteppingClock()
        options, sink = Options(max_age_s=0.02), ListSink()
        one = Labeller(shipped.manifest, backend(shipped, **RED_DRESS), options, still=False, clock=clock)
        images = np.zeros((3, 48, 64, 3), np.uint8)

        def source():
            yield Frame(images[0], 0, clock.now, "fake", stream_at=0.0)
            if slow:
                one._backend = backend(shipped, blue=0.9)
                yield Frame(images[1], 1, clock.now - 0.018, "fake", stream_at=0.05)
                one._backend = backend(shipped, **RED_DRESS)
            yield Frame(images[2], 2, clock.now, "fake", stream_at=0.1)

        run(source(), one, sink, options, Summary(), clock=clock)
        assert [result.frame.index for result in sink.results] == [0, 2]
        return sink.results[-1]

    assert last(slow=True).smoothed_array.tolist() == last(slow=False).smoothed_array.tolist()


def test_discarded_frames_are_not_in_the_figures(shipped):
    clock, sink, options = SteppingClock(), ListSink(), Options(max_age_s=0.02)
    one = Labeller(shipped.manifest, backend(shipped, **RED_DRESS), options, still=False, clock=clock)

    def every_other_one_is_late():
        for index in range(10):
            yield Frame(np.zeros((48, 64, 3), np.uint8), index, clock.now - 0.017 * (index % 2), "fake")

    run(every_other_one_is_late(), one, sink, options, Summary(), clock=clock)
    assert [result.frame.index for result in sink.results] == [0, 2, 4, 6, 8]
    vitals = sink.results[-1].vitals
    assert vitals is not None
    assert vitals.age_p99_ms <= 20.0
    made = [result.frame.captured_at + result.age_s for result in sink.results]
    assert vitals.fps == pytest.approx(4 / (made[-1] - made[0]))


def test_a_sink_that_wants_it_sees_the_frame_before_anything_is_drawn(shipped):
    class CleanSink(ListSink):
        wants_clean = True

        def put_clean(self, result):
            self.clean = result.frame.image.copy()

    clean, drawn = CleanSink(), ListSink(wants_picture=True)
    sinks = FanOut()
    for sink in (drawn, clean):
        sinks.add(sink)
    run(frames(1), labeller(shipped, Options()), sinks, Options(), Summary())
    assert (clean.clean == 200).all()
    assert not (drawn.results[0].frame.image == 200).all()


def test_ticks_reach_the_sinks_and_a_deadline_holds_while_nothing_comes(shipped):
    class TickSink(ListSink):
        def tick(self, tick):
            self.others.append(tick)

    sink = TickSink()
    ticks = (Tick(float(i)) for i in range(100))
    run(ticks, labeller(shipped, Options()), sink, Options(seconds=0.0035), Summary(), clock=SteppingClock())
    assert len(sink.others) == 4


def test_files_are_smoothed_on_the_clock_of_the_stream(shipped):
    def last_score(gap):
        one = labeller(shipped, Options(smoothing=Smoothing(smooth_s=0.25)))
        image = np.zeros((48, 64, 3), np.uint8)
        one.label(Frame(image, 0, 0.0, "clip", stream_at=0.0))
        one._backend = backend(shipped)
        return float(one.label(Frame(image, 1, 0.001, "clip", stream_at=gap)).smoothed_array.max())

    assert last_score(0.25) == pytest.approx(0.99 / np.e, rel=1e-3)
    assert last_score(0.001) == pytest.approx(0.99, rel=1e-2)
