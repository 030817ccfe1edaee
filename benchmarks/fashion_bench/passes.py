"""What is measured besides latency: memory, accuracy, operators, stages of the pipeline, minutes of load."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec.structs import replace

from fashion_bench.cases import Case, is_installed
from fashion_bench.document import Accuracy, Ceiling, EndToEnd, Memory, OperatorTime, Result, Window
from fashion_bench.rounds import ProgressCallback, WorkerProcess, other_cores, read_load
from fashion_bench.settings import Timing
from fashion_edge.bundle import Bundle
from fashion_edge.errors import DatasetError
from fashion_edge.statistics import quantile_interval
from fashion_edge.telemetry import ROOT, read_telemetry

MEMORY_SECONDS = 0.5  # of inference before the resident memory counts as steady
NATIVE = ("litert", "onnx")  # engines whose graphs are read here
CLIP_SECONDS = 3
WINDOWS = 60
SHORTEST_WINDOW = 1.0  # seconds
T = TypeVar("T")


def add_memory(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback) -> list[Result]:
    """Resident memory of each case before loading, steady, and at its peak."""

    def measure(case: Case) -> Memory:
        with WorkerProcess(case, bundle) as worker:
            bare = worker.request("memory")
            worker.request("load")
            worker.run(MEMORY_SECONDS, 10, 10)
            return Memory(**worker.request("memory"), before_load_mb=bare["rss_mb"])

    return [replace(result, memory=measure(result.case)) for result in _track("memory", results, progress)]


def add_accuracy(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback, photos: Path) -> list[Result]:
    """Exact match of each variant and engine; thread counts share one pass, since they give the same scores."""

    def measure(case: Case) -> Accuracy:
        found = msgspec.convert(request_once(bundle, case, "accuracy", photos=str(photos.resolve())), Accuracy)
        if not found.photos:
            raise DatasetError(f"none of the photos below {photos} could be read")
        return found

    found = _once_each("accuracy", results, measure, progress)
    return [replace(result, accuracy=accuracy) for result, accuracy in zip(results, found, strict=True)]


def describe_unreadable(results: Sequence[Result]) -> list[str]:
    """One sentence on the photos that could not be read, which count for no variant."""
    found = next((result.accuracy for result in results if result.accuracy), None)
    if not found or not (names := found.unreadable):
        return []
    count = len(names) + found.photos
    return [f"{len(names)} of {count} photos could not be read, the first {names[0]}; exact match leaves them out"]


def add_ceiling(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback) -> list[Result]:
    """Operations counted from the graph, and their rate."""
    if not is_installed("litert"):
        return list(results)

    def count(case: Case) -> int | None:
        operations: int | None = request_once(bundle, case, "operations")["operations"]
        return operations

    counted = _once_each("operations", results, count, progress)
    return [
        replace(result, ceiling=_rate(result, operations)) for result, operations in zip(results, counted, strict=True)
    ]


def _rate(result: Result, operations: int | None) -> Ceiling:
    if operations is None or not len(result.samples):
        return Ceiling(operations)
    return Ceiling(operations, round(operations / (result.quantile("p50") * 1e6), 3))


def add_operators(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback) -> list[Result]:
    """The ten operators that take longest, for every case of a native engine."""

    def measure(case: Case) -> list[OperatorTime] | None:
        native = case.engine in NATIVE
        return slowest_operators(request_once(bundle, case, "operators")["operators"]) if native else None

    return [replace(result, operators=measure(result.case)) for result in _track("operators", results, progress)]


def slowest_operators(operators: Sequence[dict[str, Any]]) -> list[OperatorTime]:
    """The ten that take longest, with their share of the sum."""
    total = sum(max(0.0, entry["ms"]) for entry in operators) or 1.0
    ranked = sorted(operators, key=lambda entry: -entry["ms"])[:10]
    return [OperatorTime(**entry, share=round(max(0.0, entry["ms"]) / total, 4)) for entry in ranked]


def request_once(bundle: Bundle, case: Case, do: str, **arguments: Any) -> dict[str, Any]:
    """Load a case in a new worker, send one request, and end the worker."""
    with WorkerProcess(case, bundle) as worker:
        worker.request("load")
        return worker.request(do, **arguments)


def _track(what: str, results: Sequence[Result], progress: ProgressCallback) -> Iterator[Result]:
    for done, result in enumerate(results):
        progress(f"{what} of {result.case.name}", done, len(results))
        yield result


def _once_each(
    what: str, results: Sequence[Result], measure: Callable[[Case], T], progress: ProgressCallback
) -> list[T]:
    """Measure once for each file and engine; all thread counts share the answer."""
    found: dict[tuple[str | None, str], T] = {}
    for result in _track(what, results, progress):
        if (result.variant, result.runtime) not in found:
            found[result.variant, result.runtime] = measure(result.case)
    return [found[result.variant, result.runtime] for result in results]


def measure_stages(
    bundle: Bundle, case: Case, source: str | None, fps: float, seconds: float, progress: ProgressCallback
) -> list[EndToEnd]:
    """End to end at camera cadence, then as fast as it goes, each in a new process."""
    from fashion_render.demo import write_clip

    found = []
    with tempfile.TemporaryDirectory() as folder:
        clip = source or str(Path(folder, "demo.avi"))  # Motion JPEG, as most USB cameras send it
        if source is None:
            write_clip(clip, 30 * CLIP_SECONDS)
        for done, rate in enumerate((fps, 0.0)):
            progress(f"end to end at {rate:g} frames/s" if rate else "end to end, as fast as it goes", done, 2)
            reply = request_once(bundle, case, "end_to_end", source=clip, fps=rate, seconds=seconds)
            name = source or "rendered clip, 640x480 Motion JPEG"
            found.append(msgspec.convert({"name": case.name, "source": name, **reply}, EndToEnd))
    return found


def measure_sustained(
    bundle: Bundle, case: Case, seconds: float, timing: Timing, progress: ProgressCallback, root: Path = ROOT
) -> list[Window]:
    """Run one case without pause; each window keeps its quantiles, not its samples."""
    count = max(2, min(WINDOWS, int(seconds / SHORTEST_WINDOW)))
    windows: list[Window] = []
    with WorkerProcess(case, bundle) as worker:
        worker.request("load")
        worker.run(timing.warmup_seconds, timing.warmup_runs, timing.max_seconds)
        before = begin = read_load()
        for done in range(count):
            progress(f"sustained {case.name}", done, count)
            reply = worker.run(seconds / count, 1, seconds)
            after, state = read_load(), read_telemetry(root)
            samples = np.array(reply["ms"])
            p50, p90, p99 = (round(float(ms), 5) for ms in np.quantile(samples, (0.5, 0.9, 0.99)))
            windows.append(
                Window(
                    start_s=round(before.at - begin.at, 2),
                    samples=len(samples),
                    p50_ms=p50,
                    p90_ms=p90,
                    p99_ms=p99 if quantile_interval(samples, 0.99) else None,
                    max_ms=float(samples.max()),
                    clock_mhz=state.clock_mhz,
                    temperature_c=state.temperature_c,
                    throttled=state.throttle_bits,
                    other_cores=other_cores(before, after, reply["cpu_seconds"]),
                )
            )
            before = after
    return windows
