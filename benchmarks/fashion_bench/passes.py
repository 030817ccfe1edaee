"""Separate passes: what would disturb the timing, or need not be timed, is found in workers of its own."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from fashion_bench.cases import NULL_CASE, Case
from fashion_bench.ceiling import against_peak
from fashion_bench.engines import is_installed
from fashion_bench.measure import Progress
from fashion_bench.meter import IDLE_SECONDS, LOAD_SECONDS, describe_energy, measure_joules
from fashion_bench.operators import top_ten
from fashion_bench.probe import Probe
from fashion_bench.results import Result
from fashion_edge.bundle import Bundle
from fashion_edge.errors import DatasetError
from fashion_edge.wording import some

MEMORY_SECONDS = 0.5  # of inference before the resident memory counts as steady
NATIVE = ("litert", "onnx")  # engines whose graphs can be taken apart here


def add_memory(bundle: Bundle, results: Sequence[Result], progress: Progress) -> list[Result]:
    """Resident memory of each case before loading, steady, and at its peak."""
    measured = []
    for done, result in enumerate(results):
        progress(done, len(results), f"memory of {result.case.name}")
        with Probe(result.case, bundle) as probe:
            bare = probe.ask("memory")
            probe.ask("load")
            probe.ask("run", seconds=MEMORY_SECONDS, samples=10, limit=10)
            after = probe.ask("memory")
        measured.append(result.with_extras(memory={**after, "before_load_mb": bare["rss_mb"]}))
    return measured


def add_accuracy(bundle: Bundle, results: Sequence[Result], photos: Path, progress: Progress) -> list[Result]:
    """Exact match of each variant and engine; thread counts share one pass, for they give the same scores."""

    def ask(case: Case) -> dict[str, Any]:
        found = ask_once(bundle, case, "accuracy", photos=str(photos.resolve()))
        if not found["photos"]:
            raise DatasetError(f"none of the photos below {photos} could be read")
        return found

    return _once_each(results, "accuracy", ask, progress)


def unreadable(results: Sequence[Result]) -> list[str]:
    """One sentence on the photos that no variant's accuracy counts, for they are no pictures; none where all are."""
    found = next((result.extras["accuracy"] for result in results if "accuracy" in result.extras), None)
    if not found or not (names := found["unreadable"]):
        return []
    count = len(names) + found["photos"]
    return [f"{len(names)} of {count} photos could not be read, the first {names[0]}; exact match leaves them out"]


def add_ceiling(bundle: Bundle, results: Sequence[Result], progress: Progress) -> list[Result]:
    """Operations counted from the graph, against the peak measured on as many threads."""
    if not is_installed("litert"):
        return list(results)
    counts = sorted({result.case.threads for result in results})
    peaks: dict[int, dict[str, float]] = {}
    for done, threads in enumerate(counts):
        progress(done, len(counts), f"peak of {some(threads, 'thread')}")
        peaks[threads] = ask_once(bundle, replace(NULL_CASE, threads=threads), "peak")
    counted = _once_each(results, "operations", lambda case: ask_once(bundle, case, "operations"), progress)
    return [
        result.with_extras(ceiling=against_peak(result, found.extras["operations"]["operations"], peaks))
        if "operations" in found.extras
        else result
        for result, found in zip(results, counted, strict=True)
    ]


def add_energy(bundle: Bundle, results: Sequence[Result], meter: Path, progress: Progress) -> list[Result]:
    """Energy an inference of each case, from the meter; idle is read once before, with everything else as it is."""
    progress(0, len(results), "energy of an idle machine")
    idle_joules, idle_seconds, _ = measure_joules(meter, lambda: time.sleep(IDLE_SECONDS))
    measured = []
    for done, result in enumerate(results):
        progress(done, len(results), f"energy of {result.case.name}")
        with Probe(result.case, bundle) as probe:
            probe.ask("load")
            run = partial(probe.ask, "run", seconds=LOAD_SECONDS, samples=1, limit=LOAD_SECONDS)
            joules, seconds, reply = measure_joules(meter, run)
        count = len(reply["ms"])
        energy = describe_energy((idle_joules, idle_seconds), (joules, seconds), count, meter.name)
        measured.append(result.with_extras(energy=energy))
    return measured


def add_operators(bundle: Bundle, results: Sequence[Result], progress: Progress) -> list[Result]:
    """The ten operators that take longest, for every case."""
    measured = []
    for done, result in enumerate(results):
        if result.case.engine in NATIVE:
            progress(done, len(results), f"operators of {result.case.name}")
            found = ask_once(bundle, result.case, "operators")["operators"]
            result = result.with_extras(operators=top_ten(found))  # noqa: PLW2901
        measured.append(result)
    return measured


def measure_stages(
    bundle: Bundle, case: Case, source: str | None, fps: float, seconds: float, progress: Progress
) -> list[dict[str, Any]]:
    """End to end at camera cadence, then flat out, each in a process of its own."""
    from fashion_bench.endtoend import render_clip

    found = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "demo.avi"
        if source is None:
            render_clip(clip)
        for done, rate in enumerate((fps, 0.0)):
            progress(done, 2, f"end to end at {rate:g} frames/s" if rate else "end to end, flat out")
            with Probe(case, bundle) as probe:
                probe.ask("load")
                reply = probe.ask("end_to_end", source=source or str(clip), fps=rate, seconds=seconds)
            found.append({"name": case.name, "source": source or "rendered clip, 640x480 Motion JPEG", **reply})
    return found


def ask_once(bundle: Bundle, case: Case, do: str, **arguments: Any) -> dict[str, Any]:
    """Load a case in a new worker, ask one thing, and let it go."""
    with Probe(case, bundle) as probe:
        probe.ask("load")
        return probe.ask(do, **arguments)


def _once_each(
    results: Sequence[Result], key: str, ask: Callable[[Case], dict[str, Any]], progress: Progress
) -> list[Result]:
    """Ask once for each file and engine, and hand the answer to all thread counts."""
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    measured = []
    for done, result in enumerate(results):
        case = result.case
        if case.file is not None:
            progress(done, len(results), f"{key} of {case.engine} {case.precision}")
            place = (case.file, case.engine)
            if place not in found:
                found[place] = ask(case)
            result = result.with_extras(**{key: found[place]})  # noqa: PLW2901
        measured.append(result)
    return measured
