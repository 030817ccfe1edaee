"""The way of a frame: source -> view -> backend -> smooth -> decide -> draw -> sinks, each stage timed."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fashion_edge.backends import Backend
from fashion_edge.bundle import Manifest
from fashion_edge.console import say
from fashion_edge.decide import LabelSpace, Shown, Smoothed, decide, dwell, hold, smooth
from fashion_edge.frame import Box, Event, Fault, Frame, Item, Roi, Tick
from fashion_edge.overlay import draw_result, enlarge
from fashion_edge.preprocess import preprocess
from fashion_edge.result import Meter, Result
from fashion_edge.sinks.base import Sink

SILENT = 100  # frames discarded in a row: nothing is shown, and somebody waits
REMEMBERED = 20_000  # ages kept for the percentiles: the last eleven minutes at 30 frames a second


class Summary:
    """Counts as the run goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.frames = 0
        self.faults = 0
        self.stale = 0
        self._stale_in_a_row, self._told = 0, False
        self._clock = clock
        self._first: float | None = None
        self._last = 0.0
        self._ages: deque[float] = deque(maxlen=REMEMBERED)
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
        """Count a frame that was discarded as too old; True once, when all the last ones were."""
        self.stale += 1
        self._stale_in_a_row += 1
        silent = self._stale_in_a_row == SILENT and not self._told
        self._told = self._told or silent
        return silent

    def count_fault(self) -> None:
        """Count an input that could not be read."""
        self.faults += 1

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
        if not self.frames:
            return [f"no frame was labelled; {self.faults} could not be read{stale}"]
        rate = f", {self.fps:.1f} frames/s" if self.fps else ""
        plural = "s" if self.frames > 1 else ""
        lost = f"{dropped} dropped for newer ones, {self.faults} not readable{stale}"
        lines = [f"{self.frames} frame{plural} labelled{rate}, {lost}"]
        lines.append(f"capture to label: p50 {self.age_ms(50):.1f} ms, p99 {self.age_ms(99):.1f} ms")
        lines.append("seen: " + ", ".join(f"{text} {n}" for text, n in self._texts.most_common(10)))
        return lines


Clock = Callable[[], float]


@dataclass(frozen=True)
class Options:
    """How frames are looked at and when the run ends."""

    roi: Roi = field(default_factory=Roi)
    smooth_s: float = 0.25  # time constant; 0 decides on each frame alone
    hysteresis: float = 0.1  # score by which a shown label may fall below its threshold and stay
    dwell_s: float = 0.2  # what is shown stays at least so long
    max_age_s: float | None = None  # a frame whose label would be older is discarded
    frames: int | None = None  # stop after so many labelled frames
    seconds: float | None = None  # stop after so long


@dataclass(frozen=True, slots=True)
class View:
    """A frame and what the model is given of it; depends on nothing before it, so a reader may make it ahead."""

    frame: Frame
    box: Box  # where the classifier looks
    pixels: NDArray[np.uint8]  # (height, width, 3) in the model's channel order
    seconds: float  # that it took


class Labeller:
    """One frame in, one `Result` out; keeps what smoothing must remember of one stream."""

    def __init__(
        self, manifest: Manifest, backend: Backend, options: Options, *, still: bool, clock: Clock = time.monotonic
    ) -> None:
        self._manifest = manifest
        self._backend = backend
        self._options = options
        self._still = still
        self._clock = clock
        self._smoothed: Smoothed | None = None
        self._shown: Shown = {}
        self._held = frozenset[str](), manifest.space  # what is shown, and the thresholds while it is
        self._meter = Meter()

    def label(self, frame: Frame) -> Result:
        """Label one frame."""
        return self.judge(self.view(frame))

    def view(self, frame: Frame) -> View:
        """Cut out and fit what the model is given of a frame; any thread may call it."""
        started = self._clock()
        box = self._options.roi.box(*frame.image.shape[:2], still=self._still)
        pixels = preprocess(box.cut(frame.image), self._manifest.input)
        return View(frame, box, pixels, self._clock() - started)

    def judge(self, view: View) -> Result:
        """Label what was fitted; views of one stream in their order."""
        clock, frame = self._clock, view.frame
        started = clock()
        scores = self._backend.run(view.pixels[np.newaxis])[0]
        inferred = clock()
        space = self._space()
        if not self._still:
            self._smoothed = smooth(self._smoothed, scores, frame.moment, self._options.smooth_s)
        smoothed = self._smoothed.scores if self._smoothed else scores
        decision = decide(smoothed, space)
        if not self._still:
            decision, self._shown = dwell(self._shown, decision, space, frame.moment, self._options.dwell_s)
        decided = clock()
        stages = {
            "capture": frame.capture_s,
            "preprocess": view.seconds,
            "infer": inferred - started,
            "decide": decided - inferred,
        }
        age = decided - frame.captured_at
        limit = self._options.max_age_s
        unmeasured = self._still or (limit is not None and age > limit)  # no photo was captured just now; discarded
        vitals = None if unmeasured else self._meter.update(decided, age)
        return Result(frame, view.box, scores, smoothed, decision, age, stages, space.labels, vitals)

    def _space(self) -> LabelSpace:
        """The thresholds for the next frame; what is shown seldom changes."""
        if self._still:
            return self._manifest.space
        if self._shown.keys() != self._held[0]:
            self._held = frozenset(self._shown), hold(self._manifest.space, self._shown, self._options.hysteresis)
        return self._held[1]

    def look(self, frame: Frame) -> NDArray[np.uint8]:
        """What the model is given of a frame: (height, width, 3) in the model's channel order."""
        return self.view(frame).pixels

    @property
    def memory(self) -> tuple[Smoothed | None, Shown]:
        """What the next decision will take from those before it."""
        return self._smoothed, self._shown

    @memory.setter
    def memory(self, memory: tuple[Smoothed | None, Shown]) -> None:
        self._smoothed, self._shown = memory

    def forget(self) -> None:
        """Start anew: what was seen before a loss of the source says nothing of what comes after."""
        self.memory = None, {}


def run(
    items: Iterable[Item | View],
    labeller: Labeller,
    sinks: Sequence[Sink],
    options: Options,
    summary: Summary,
    clock: Clock = time.monotonic,
) -> None:
    """Label items until they end, a limit is reached, or a sink asks to stop; `summary` counts as it goes.

    Items of a source that was read ahead may be views, made by this labeller.
    """
    deadline = clock() + options.seconds if options.seconds is not None else None
    for item in items:
        if isinstance(item, Frame | View):
            _put_frame(item, labeller, sinks, options, summary, clock)
        else:
            _pass_on(item, labeller, sinks, summary)
        if any(sink.stopped for sink in sinks) or summary.frames == options.frames:
            return
        if deadline is not None and clock() >= deadline:
            return


def _put_frame(
    item: Frame | View, labeller: Labeller, sinks: Sequence[Sink], options: Options, summary: Summary, clock: Clock
) -> None:
    limit, frame = options.max_age_s, item if isinstance(item, Frame) else item.frame
    if limit is not None and (age := clock() - frame.captured_at) > limit:
        _discard(age, sinks, summary, clock)
        return
    memory = labeller.memory
    result = labeller.label(item) if isinstance(item, Frame) else labeller.judge(item)
    if limit is not None and result.age_s > limit:  # the contract is on the label, not on the frame
        labeller.memory = memory  # what nobody was shown leaves no trace, or a recording would not replay
        _discard(result.age_s, sinks, summary, clock)
        return
    for sink in sinks:
        if sink.wants_clean:
            sink.put_clean(result)
    if any(sink.wants_picture for sink in sinks):
        result = _draw(result, clock)
    summary.count(result)
    for sink in sinks:
        sink.put(result)


def _discard(age_s: float, sinks: Sequence[Sink], summary: Summary, clock: Clock) -> None:
    """Too old to be shown; a window and a watchdog live on."""
    if summary.count_stale():
        say(f"the last {SILENT} frames were discarded as too old, this one at {age_s * 1e3:.1f} ms; raise --max-age-ms")
    tick = Tick(clock())
    for sink in sinks:
        sink.tick(tick)


def _pass_on(item: Fault | Event | Tick, labeller: Labeller, sinks: Sequence[Sink], summary: Summary) -> None:
    if isinstance(item, Fault):
        summary.count_fault()
        for sink in sinks:
            sink.fault(item)
    elif isinstance(item, Event):
        labeller.forget()
        for sink in sinks:
            sink.event(item)
    else:
        for sink in sinks:
            sink.tick(item)


def _draw(result: Result, clock: Clock) -> Result:
    started = clock()
    shown = enlarge(result)
    draw_result(shown)
    shown.stages_s["draw"] = clock() - started
    return shown
