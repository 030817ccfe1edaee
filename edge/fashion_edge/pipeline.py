"""The path of a frame: source -> model input -> backend -> smooth -> decide -> draw -> sinks, each stage timed."""

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from fashion_edge.backends import Backend
from fashion_edge.bundle import Manifest
from fashion_edge.console import pluralize, say
from fashion_edge.decide import LabelSpace, Shown, Smoothed, Smoothing, check_scores, decide, dwell, hold, smooth
from fashion_edge.errors import ScoreError
from fashion_edge.frame import Box, Event, Fault, Frame, Item, ModelInput, Roi, Tick
from fashion_edge.overlay import draw_result, enlarge
from fashion_edge.preprocess import preprocess
from fashion_edge.result import Meter, Result
from fashion_edge.sinks.base import Sink

STALE_WARNING = 100  # frames discarded in a row before a warning: nothing is shown meanwhile
REPEAT_S = 60.0  # invalid scores of a stream are reported so often, not 30 times a second
MAX_AGES = 20_000  # ages kept for the percentiles: the last eleven minutes at 30 frames a second

Clock = Callable[[], float]


class Summary:
    """Counts of a run."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.frames = 0
        self.faults = 0
        self.invalid = 0  # frames without valid scores
        self.stale = 0
        self._stale_in_a_row, self._warned = 0, False
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0
        self._ages: deque[float] = deque(maxlen=MAX_AGES)
        self._texts: Counter[str] = Counter()

    def count(self, result: Result) -> None:
        """Count a labelled frame."""
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
        self.frames += 1
        self._stale_in_a_row = 0
        self._ages.append(result.age_s)
        self._texts[result.decision.text] += 1

    def count_stale(self) -> bool:
        """Count a frame that was discarded as too old; returns True once, after `STALE_WARNING` in a row."""
        self.stale += 1
        self._stale_in_a_row += 1
        warn = self._stale_in_a_row == STALE_WARNING and not self._warned
        self._warned = self._warned or warn
        return warn

    @property
    def fps(self) -> float:
        """Labelled frames a second, from the first to the last: n frames span n - 1 intervals; 0.0 below two."""
        if self._first is None or self.frames < 2 or self._last <= self._first:
            return 0.0
        return (self.frames - 1) / (self._last - self._first)

    def age_ms(self, percentile: float) -> float:
        """Capture-to-label age in milliseconds at a percentile 0..100; NaN before the first frame."""
        return float(np.percentile(self._ages, percentile)) * 1e3 if self._ages else float("nan")

    def describe(self, dropped: int = 0) -> list[str]:
        """Lines for the end of the run."""
        stale = f", {self.stale} discarded as too old" if self.stale else ""
        stale += f", {self.invalid} with invalid scores" if self.invalid else ""
        if not self.frames:
            return [f"no frame was labelled; {self.faults} could not be read{stale}"]
        rate = f", {self.fps:.1f} frames/s" if self.fps else ""
        lost = f"{dropped} dropped for newer ones, {self.faults} not readable{stale}"
        lines = [f"{pluralize(self.frames, 'frame')} labelled{rate}, {lost}"]
        lines.append(f"capture to label: p50 {self.age_ms(50):.1f} ms, p99 {self.age_ms(99):.1f} ms")
        lines.append("seen: " + ", ".join(f"{text} {n}" for text, n in self._texts.most_common(10)))
        return lines


@dataclass(frozen=True)
class Options:
    """How frames are classified and when the run ends."""

    roi: Roi = field(default_factory=Roi)
    smoothing: Smoothing = field(default_factory=Smoothing)
    max_age_s: float | None = None  # a frame whose label would be older is discarded
    frames: int | None = None  # stop after so many labelled frames; one without valid scores counts, too
    seconds: float | None = None  # stop after so long


class Labeller:
    """Labels the frames of one stream; keeps what smoothing must remember of it."""

    def __init__(
        self, manifest: Manifest, backend: Backend, options: Options, *, still: bool, clock: Clock = time.monotonic
    ) -> None:
        self._space = manifest.space
        self._spec = manifest.input
        self._backend = backend
        self._options = options
        self._still = still
        self._clock = clock
        self.state: tuple[Smoothed | None, Shown] = None, {}  # what the next decision takes from earlier frames
        self._held: tuple[Shown, LabelSpace] = {}, manifest.space  # labels that are shown, and the thresholds meanwhile
        self._fitted: tuple[tuple[int, ...], Box] = (), Box(0, 0, 0, 0)  # shape of the last frame, and its region
        self._meter = Meter()
        self._refused_at = -math.inf

    def label(self, frame: Frame) -> Result:
        """Label one frame."""
        return self.label_input(self.prepare(frame))

    def prepare(self, frame: Frame) -> ModelInput:
        """Crop a frame and fit it to the model's input; any thread may call it."""
        started = self._clock()
        shape, (fitted, box) = frame.image.shape, self._fitted
        if shape != fitted:
            box = self._options.roi.box(shape[0], shape[1], still=self._still)
            self._fitted = shape, box  # in one step: two threads prepare frames
        pixels = preprocess(box.crop(frame.image), self._spec)
        return ModelInput(frame, box, pixels, self._clock() - started)

    def label_input(self, item: ModelInput) -> Result:
        """Label a prepared frame; those of one stream in their order.

        Raises `ScoreError` where the model gives no valid scores; smoothing does not see such a frame.
        """
        clock, frame, smoothing = self._clock, item.frame, self._options.smoothing
        started = clock()
        scores = check_scores(self._backend.run(item.pixels[np.newaxis])[0], frame.source)
        inferred = clock()
        if self._still:
            smoothed, decision = scores, decide(scores, self._space)
        else:
            moment = frame.moment
            before, shown = self.state
            space = self._lower_thresholds(shown)
            after = smooth(before, scores, moment, smoothing.smooth_s)
            smoothed = after.scores
            decision, shown = dwell(shown, decide(smoothed, space), space, moment, smoothing.dwell_s)
            self.state = after, shown
        decided = clock()
        stages = {
            "capture": frame.capture_s,
            "preprocess": item.preprocess_s,
            "infer": inferred - started,
            "decide": decided - inferred,
        }
        age = decided - frame.captured_at
        limit = self._options.max_age_s
        unmeasured = self._still or (limit is not None and age > limit)  # a photo has no age; too old is discarded
        vitals = None if unmeasured else self._meter.update(decided, age)
        return Result(frame, item.box, scores, smoothed, decision, age, stages, self._space, vitals)

    def refuse(self, frame: Frame, error: ScoreError) -> Fault:
        """Return the fault of a frame without valid scores."""
        now = self._clock()
        repeated = not self._still and now - self._refused_at < REPEAT_S
        self._refused_at = self._refused_at if repeated else now
        return Fault(frame.source, frame.index, str(error), repeated)

    def _lower_thresholds(self, shown: Shown) -> LabelSpace:
        """Thresholds for the next frame; shown labels seldom change."""
        if shown is not self._held[0] and shown.keys() != self._held[0].keys():
            self._held = shown, hold(self._space, shown, self._options.smoothing.hysteresis)
        return self._held[1]

    def reset(self) -> None:
        """Forget earlier frames, after the source was lost."""
        self.state = None, {}


def run(
    items: Iterable[Item | ModelInput],
    labeller: Labeller,
    sink: Sink,
    options: Options,
    summary: Summary,
    clock: Clock = time.monotonic,
    settle: Callable[[], None] = lambda: None,
) -> None:
    """Label items until they end, a limit is reached, or the sink stops the run; `summary` counts as it goes.

    Items of a source that was prefetched may be model inputs, prepared by this labeller. `settle` of a reader is called
    between the label of a frame and its outputs.
    """
    deadline = clock() + options.seconds if options.seconds is not None else None
    for item in items:
        if isinstance(item, Frame | ModelInput):
            if (result := _label(item, labeller, sink, options, summary, clock)) is not None:
                settle()
                _deliver(result, sink, summary, clock)
        else:
            _put_other(item, labeller, sink, summary)
        if sink.stopped or summary.frames + summary.invalid == options.frames:
            return
        if deadline is not None and clock() >= deadline:
            return


def _label(
    item: Frame | ModelInput, labeller: Labeller, sink: Sink, options: Options, summary: Summary, clock: Clock
) -> Result | None:
    """Return the result; None for a frame that is too old, or has no valid scores."""
    limit, frame = options.max_age_s, item if isinstance(item, Frame) else item.frame
    if limit is not None and (age := clock() - frame.captured_at) > limit:
        _discard(age, sink, summary, clock)
        return None
    state = labeller.state if limit is not None else None
    try:
        result = labeller.label(item) if isinstance(item, Frame) else labeller.label_input(item)
    except ScoreError as error:
        summary.invalid += 1
        sink.fault(labeller.refuse(frame, error))
        sink.tick(Tick(clock()))
        return None
    if limit is not None and state is not None and result.age_s > limit:  # the limit is on the label, not on the frame
        labeller.state = state  # a frame that was not shown leaves no trace, else a recording would not replay
        _discard(result.age_s, sink, summary, clock)
        return None
    return result


def _deliver(result: Result, sink: Sink, summary: Summary, clock: Clock) -> None:
    if sink.wants_clean:
        sink.put_clean(result)
    if sink.wants_picture:
        result = _draw(result, clock)
    summary.count(result)
    sink.put(result)


def _discard(age_s: float, sink: Sink, summary: Summary, clock: Clock) -> None:
    """Drop a frame that is too old; windows and watchdogs are updated."""
    if summary.count_stale():
        say(
            f"the last {STALE_WARNING} frames were discarded as too old, this one at {age_s * 1e3:.1f} ms; "
            "raise --max-age-ms"
        )
    sink.tick(Tick(clock()))


def _put_other(item: Fault | Event | Tick, labeller: Labeller, sink: Sink, summary: Summary) -> None:
    if isinstance(item, Fault):
        summary.faults += 1
        sink.fault(item)
    elif isinstance(item, Event):
        labeller.reset()
        sink.event(item)
    else:
        sink.tick(item)


def _draw(result: Result, clock: Clock) -> Result:
    started = clock()
    shown = enlarge(result)
    draw_result(shown)
    shown.stages_s["draw"] = clock() - started
    return shown
