from collections.abc import Iterable, Iterator
from itertools import count

import numpy as np
import pytest

from fashion_edge.backends import FakeBackend
from fashion_edge.bundle import Bundle
from fashion_edge.decide import Smoothing
from fashion_edge.errors import ScoreError
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

    def tick(self, tick: Tick) -> None:
        self.others.append(tick)


def frame(index: int = 0, at: float = 0.0, **changes: float) -> Frame:
    return Frame(np.full((480, 640, 3), 200, np.uint8), index, at, "fake", **changes)


def frames(n: int, step: float = 0.0) -> Iterator[Frame]:
    return (frame(i, i * step, capture_s=0.25) for i in range(n))


class Switched(FakeBackend):
    """Gives the scores that a test has set last."""

    def __init__(self, shipped: Bundle, scores: dict[str, float]) -> None:
        self._labels = shipped.manifest.space.labels
        super().__init__([0.0] * len(self._labels), shipped.manifest.input.shape)
        self.now = scores

    def run(self, batch: np.ndarray) -> np.ndarray:
        super().run(batch)
        return np.array([[self.now.get(label, 0.0) for label in self._labels]] * len(batch), np.float32)


@pytest.fixture
def clock():
    return SteppingClock()


@pytest.fixture
def backend(shipped):
    """Sees a red dress in each frame."""
    return Switched(shipped, RED_DRESS)


@pytest.fixture
def labeller(shipped, backend, clock):
    def make(options: Options | None = None, *, still: bool = False) -> Labeller:
        return Labeller(shipped.manifest, backend, options or Options(), still=still, clock=clock)

    return make


@pytest.fixture
def run_all(labeller, clock):
    """Run the frame loop; returns what a sink got, and the summary."""

    def start(source: Iterable[Item], sink: ListSink | None = None, **options: float) -> tuple[ListSink, Summary]:
        sink, summary = sink or ListSink(), Summary()
        run(source, labeller(Options(**options)), sink, Options(**options), summary, clock=clock)
        return sink, summary

    return start


def indices(sink: ListSink) -> list[int]:
    return [result.frame.index for result in sink.results]


def test_a_frame_is_labelled_and_each_stage_timed(labeller):
    result = labeller().label(next(frames(1)))
    assert result.decision.text == "red dress"
    assert result.box == Box(128, 0, 384, 480)
    assert result.stages_s == pytest.approx({"capture": 0.25, "preprocess": 0.001, "infer": 0.001, "decide": 0.001})
    assert result.age_s == pytest.approx(0.005)  # captured at 0, decided at the clock's fifth call


def test_the_json_record_is_as_documented(labeller):
    result = labeller(still=True).label(next(frames(1)))
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


def test_a_limit_and_a_sink_end_the_run(run_all):
    sink, summary = run_all(frames(10), frames=3)
    assert len(sink.results) == summary.frames == 3
    sink, _ = run_all(frames(10), ListSink(stop_after=2))
    assert len(sink.results) == 2


def test_seconds_end_the_run(run_all):
    sink, _ = run_all((Tick(float(i)) for i in range(100)), seconds=0.0035)
    assert len(sink.others) == 4  # one call sets the deadline, one follows each item


def test_faults_and_events_reach_the_sinks_and_the_run_continues(run_all):
    fault, lost = Fault("fake", 7, "broken"), Event("fake", "lost", 1.0, "gone")
    sink, summary = run_all([frame(0), fault, lost, frame(1)])
    assert sink.others == [fault, lost]
    assert (summary.frames, summary.faults) == (2, 1)


def test_nothing_is_drawn_unless_a_sink_wants_the_picture(run_all):
    plain, _ = run_all(frames(1))
    drawn, _ = run_all(frames(1), ListSink(wants_picture=True))
    assert (plain.results[0].frame.image == 200).all()
    assert not (drawn.results[0].frame.image == 200).all()
    assert "draw" in drawn.results[0].stages_s


def test_stills_are_not_smoothed_and_live_frames_are(labeller, backend):
    def texts(still):
        one = labeller(still=still)
        for item in frames(9, step=1 / 30):
            backend.now = RED_DRESS if item.index % 3 != 2 else {}
            yield one.label(item).decision.text

    assert set(texts(still=True)) == {"red dress", "nothing I know"}
    assert set(texts(still=False)) == {"red dress"}


def test_a_frame_without_valid_scores_is_a_fault_and_smoothing_does_not_see_it(run_all, backend):
    def source(*, with_bad):
        for item in frames(12, step=1 / 30):
            backend.now = {"red": 0.99, "dress": 0.9 - item.index / 100}
            if item.index in (3, 4, 5):
                backend.now = {"red": np.nan}
                if not with_bad:
                    continue
            yield item

    with_bad, summary = run_all(source(with_bad=True))
    without, _ = run_all(source(with_bad=False))
    assert indices(with_bad) == indices(without) == [0, 1, 2, 6, 7, 8, 9, 10, 11]
    assert [one.smoothed for one in with_bad.results] == [one.smoothed for one in without.results]
    faults = [item for item in with_bad.others if isinstance(item, Fault)]
    assert [(fault.index, fault.repeated) for fault in faults] == [(3, False), (4, True), (5, True)]
    assert faults[0].reason.startswith("fake: the model gives a score of nan")
    assert "0 not readable, 3 with invalid scores" in summary.describe()[0]
    assert Tick in map(type, with_bad.others), "windows and watchdogs stay alive"


def test_invalid_scores_of_a_stream_are_reported_once_a_minute_and_of_photos_always(labeller, clock):
    error = ScoreError("no scores")

    def repeated(one):
        for minute in (0.0, 0.5, 1.1):
            clock.now = 1000.0 + 60 * minute
            yield one.refuse(frame(), error).repeated

    assert list(repeated(labeller())) == [False, True, False]
    assert list(repeated(labeller(still=True))) == [False, False, False]


def test_a_run_without_any_valid_score_ends_and_is_described(run_all, backend):
    backend.now = {"red": np.inf}
    sink, summary = run_all((frame(index) for index in count()), frames=5)
    assert sink.results == []
    assert summary.describe() == ["no frame was labelled; 0 could not be read, 5 with invalid scores"]


def test_a_lost_source_resets_smoothing(labeller, backend):
    one = labeller()
    one.label(frame(0))
    backend.now = {"blue": 0.9, "jeans": 0.9}
    one.reset()
    assert one.label(frame(1, 0.01)).decision.text == "blue jeans"


def test_the_rate_counts_intervals_not_frames(make_result):
    summary = Summary(clock=iter([10.0, 10.5, 11.0]).__next__)
    for _ in range(3):
        summary.count(make_result())
    assert summary.fps == 2.0  # three frames in one second are two intervals of half a second
    assert summary.age_ms(99) == pytest.approx(10.0)
    assert summary.describe(dropped=4)[0] == "3 frames labelled, 2.0 frames/s, 4 dropped for newer ones, 0 not readable"


def test_a_frame_whose_label_would_be_too_old_is_discarded_and_counted(run_all):
    sink, summary = run_all([frame(0, -1.0), frame(1)], max_age_s=0.1)
    assert indices(sink) == [1]
    assert summary.stale == 1
    assert summary.describe()[0].endswith("0 not readable, 1 discarded as too old")


def test_a_warning_is_printed_once_while_all_frames_are_too_old(run_all, clock, capsys):
    _, summary = run_all((frame(i, clock.now) for i in range(3 * STALE_WARNING)), max_age_s=0.003)
    assert summary.stale == 3 * STALE_WARNING
    said = capsys.readouterr().err.splitlines()
    assert said == ["the last 100 frames were discarded as too old, this one at 6.0 ms; raise --max-age-ms"]


def test_a_frame_that_grows_too_old_while_it_is_labelled_is_discarded_too(run_all):
    sink, summary = run_all(frames(1), max_age_s=0.003)  # 1 ms old when it comes, 5 ms when it is labelled
    assert (sink.results, summary.stale) == ([], 1)


def test_a_discarded_frame_does_not_change_later_decisions(run_all, backend, clock):
    def source(slow):
        """Smoothed over three frames, of which the middle one may take too long."""
        yield frame(0, clock.now, stream_at=0.0)
        if slow:
            backend.now = {"blue": 0.9}
            yield frame(1, clock.now - 0.018, stream_at=0.05)
            backend.now = RED_DRESS
        yield frame(2, clock.now, stream_at=0.1)

    with_slow, without = (run_all(source(slow), max_age_s=0.02)[0] for slow in (True, False))
    assert indices(with_slow) == indices(without) == [0, 2]
    assert with_slow.results[-1].scores == without.results[-1].scores


def test_discarded_frames_are_not_in_the_figures(run_all, clock):
    every_other_one_is_late = (frame(i, clock.now - 0.017 * (i % 2)) for i in range(10))
    sink, _ = run_all(every_other_one_is_late, max_age_s=0.02)
    assert indices(sink) == [0, 2, 4, 6, 8]
    vitals = sink.results[-1].vitals
    assert vitals.age_p99_ms <= 20.0
    made = [result.frame.captured_at + result.age_s for result in sink.results]
    assert vitals.fps == pytest.approx(4 / (made[-1] - made[0]))


def test_a_sink_that_wants_it_sees_the_frame_before_anything_is_drawn(run_all):
    class CleanSink(ListSink):
        wants_clean = True

        def put_clean(self, result):
            self.clean = result.frame.image.copy()

    clean, drawn, sinks = CleanSink(), ListSink(wants_picture=True), FanOut()
    for sink in (drawn, clean):
        sinks.add(sink)
    run_all(frames(1), sinks)
    assert (clean.clean == 200).all()
    assert not (drawn.results[0].frame.image == 200).all()


@pytest.mark.parametrize(("gap", "expected"), [(0.25, 0.99 / np.e), (0.001, 0.99)])
def test_files_are_smoothed_on_the_clock_of_the_stream(labeller, backend, gap, expected):
    one = labeller(Options(smoothing=Smoothing(smooth_s=0.25)))
    one.label(frame(0, 0.0, stream_at=0.0))
    backend.now = {}
    smoothed = one.label(frame(1, 0.001, stream_at=gap)).smoothed_array.max()
    assert smoothed == pytest.approx(expected, rel=1e-2)


def test_the_reader_may_settle_between_the_label_of_a_frame_and_its_outputs(labeller, clock):
    order = []

    class Output(ListSink):
        def put(self, result):
            order.append(result.frame.index)

    run(frames(2), labeller(), Output(), Options(), Summary(), clock=clock, settle=lambda: order.append("settle"))
    assert order == ["settle", 0, "settle", 1]
