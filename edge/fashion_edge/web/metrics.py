"""Counters of a run, and `/metrics` in Prometheus' text format.

Written by hand: the format is two comment lines and a value
(prometheus.io/docs/instrumenting/exposition_formats), which needs no library on the device and no global registry.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from fashion_edge.frame import Fault
from fashion_edge.result import Result
from fashion_edge.telemetry import Telemetry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
AGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1.0)


class Counts:
    """What only grows; written by the loop's thread alone."""

    def __init__(self) -> None:
        self.frames = 0
        self.dropped = 0  # frames of the source that never were labelled
        self.faults = 0
        self.losses = 0
        self.failed_sinks = 0
        self.age_sum_s = 0.0
        self.ages = [0] * (len(AGE_BUCKETS_S) + 1)  # the last one is above all
        self.stages_s: dict[str, float] = {}
        self._index: int | None = None

    def frame(self, result: Result) -> None:
        """Count a labelled frame."""
        index = result.frame.index
        self.dropped += max(0, index - self._index - 1) if self._index is not None else 0
        self._index = index
        self.frames += 1
        self.age_sum_s += result.age_s
        self.ages[bisect_left(AGE_BUCKETS_S, result.age_s)] += 1
        for stage, seconds in result.stages_s.items():
            self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds

    def fault(self, fault: Fault) -> None:
        """Count an input that could not be read: it was not dropped."""
        self.faults += 1
        self._index = fault.index


def render_metrics(
    counts: Counts, state: str, result: Result | None, telemetry: Telemetry, process: Mapping[str, float], clients: int
) -> str:
    """The page for Prometheus."""
    lines = [*_counters(counts), *_age(counts)]
    lines += _metric("source_up", "gauge", "1 while the source gives frames", [("", int(state == "live"))])
    lines += _metric("clients", "gauge", "Clients that watch the picture or the events", [("", clients)])
    if result is not None:
        lines += _result(result)
    if telemetry.temperature_c is not None:
        lines += _metric("temperature_celsius", "gauge", "Of the processor", [("", telemetry.temperature_c)])
    throttled = int(bool(telemetry.throttled))
    lines += _metric(
        "throttled", "gauge", "1 while the firmware slows the processor or sees under-voltage", [("", throttled)]
    )
    for name, value in process.items():
        kind = "counter" if name.endswith("_total") else "gauge"
        lines += [f"# HELP {name} Of this process", f"# TYPE {name} {kind}", f"{name} {value!r}"]
    return "\n".join(lines) + "\n"


def _counters(counts: Counts) -> Iterator[str]:
    for name, text, value in (
        ("frames_total", "Frames labelled", counts.frames),
        ("frames_dropped_total", "Frames of the source not labelled: passed over or too old", counts.dropped),
        ("faults_total", "Inputs that could not be read", counts.faults),
        ("source_losses_total", "Times the source was lost", counts.losses),
        ("failed_outputs_total", "Outputs that failed and were left out", counts.failed_sinks),
    ):
        yield from _metric(name, "counter", text, [("", value)])
    stages = [(f'{{stage="{stage}"}}', seconds) for stage, seconds in sorted(counts.stages_s.items())]
    yield from _metric("stage_seconds_total", "counter", "Time spent in each stage", stages)


def _age(counts: Counts) -> Iterator[str]:
    name, so_far = "age_seconds", 0
    samples: list[tuple[str, float]] = []
    for bound, count in zip((*map(str, AGE_BUCKETS_S), "+Inf"), counts.ages, strict=True):
        so_far += count
        samples.append((f'_bucket{{le="{bound}"}}', so_far))
    samples += [("_sum", counts.age_sum_s), ("_count", so_far)]
    yield from _metric(name, "histogram", "From capture to label", samples)


def _result(result: Result) -> Iterator[str]:
    scores = [(_label(name), score) for name, score in result.smoothed.items()]
    yield from _metric("score", "gauge", "Smoothed, 0..1", scores)
    decided = [(_label(name), int(name in result.labels)) for name in result.label_names]
    yield from _metric("decided", "gauge", "1 for a label that is shown", decided)


def _label(value: str) -> str:
    escaped = value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'{{label="{escaped}"}}'


def _metric(name: str, kind: str, text: str, samples: Sequence[tuple[str, float]]) -> Iterator[str]:
    full = f"fashion_edge_{name}"
    yield f"# HELP {full} {text}"
    yield f"# TYPE {full} {kind}"
    for suffix, value in samples:
        yield f"{full}{suffix} {value if isinstance(value, int) else repr(float(value))}"
