"""`/metrics`, in Prometheus' text format.

The format is two comment lines and a value (prometheus.io/docs/instrumenting/exposition_formats): no library on the
device, no global registry.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Any

from fashion_edge.web.state import AGE_BUCKETS_S, Counters, HostMonitor, LiveState

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render_metrics(state: LiveState, monitor: HostMonitor, clients: int) -> str:
    """The response to Prometheus."""
    result, telemetry = state.result, monitor.telemetry
    lines = [*_counters(state.counters), *_age(state.counters)]
    lines += _metric("source_up", "gauge", "1 while the source delivers frames", int(state.source.state == "live"))
    late = int(state.source.state == "lagging")
    lines += _metric("source_lagging", "gauge", "1 while its frames come late, and late ones are skipped", late)
    lines += _metric("clients", "gauge", "Open picture and event streams", clients)
    if result is not None:
        lines += _metric("score", "gauge", "Smoothed score, 0..1", _by_label("label", result.smoothed.items()))
        decided = ((name, int(name in result.labels)) for name in result.label_names)
        lines += _metric("decided", "gauge", "1 for a label that is shown", _by_label("label", decided))
    if telemetry.temperature_c is not None:
        lines += _metric("temperature_celsius", "gauge", "Of the processor", telemetry.temperature_c)
    throttled = int(bool(telemetry.throttled))
    lines += _metric("throttled", "gauge", "1 while the firmware throttles or reports under-voltage", throttled)
    times, memory = monitor.process.cpu_times(), monitor.process.memory_info()
    lines += _metric("process_cpu_seconds_total", "counter", "Of this process", times.user + times.system)
    lines += _metric("process_resident_memory_bytes", "gauge", "Of this process", memory.rss)
    return "\n".join(lines) + "\n"


def _counters(counters: Counters) -> Iterator[str]:
    for name, text, value in (
        ("frames_total", "Frames labelled", counters.frames),
        ("frames_dropped_total", "Frames of the source not labelled: skipped or too old", counters.dropped),
        ("faults_total", "Inputs that could not be read, frames without valid scores", counters.faults),
        ("source_losses_total", "Times the source was lost", counters.losses),
        ("failed_outputs_total", "Outputs that failed", counters.failed_outputs),
    ):
        yield from _metric(name, "counter", text, value)
    stages = _by_label("stage", sorted(counters.stages_s.items()))
    yield from _metric("stage_seconds_total", "counter", "Time spent in each stage", stages)


def _age(counters: Counters) -> Iterator[str]:
    frames = list(accumulate(counters.ages))
    bounds = [f'_bucket{{le="{bound}"}}' for bound in (*AGE_BUCKETS_S, "+Inf")]
    samples = dict(zip(bounds, frames, strict=True)) | {"_sum": counters.age_sum_s, "_count": frames[-1]}
    yield from _metric("age_seconds", "histogram", "From capture to label", samples)


def _by_label(key: str, values: Iterable[tuple[str, Any]]) -> dict[str, float]:
    return {f'{{{key}="{_escape(name)}"}}': value for name, value in values}


def _escape(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _metric(name: str, kind: str, text: str, samples: float | Mapping[str, float]) -> Iterator[str]:
    """The lines of a metric: one value, or several by the suffix of their name."""
    name = name if name.startswith("process_") else f"fashion_edge_{name}"
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"
    for suffix, value in (samples if isinstance(samples, Mapping) else {"": samples}).items():
        yield f"{name}{suffix} {value!r}"
