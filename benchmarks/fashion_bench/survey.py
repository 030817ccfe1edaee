"""All passes over all cases, into one document. A pass that fails is said; what was measured before it is kept."""

import os
import shlex
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fashion_bench.cases import NULL_CASE, Case, is_installed
from fashion_bench.document import Document
from fashion_bench.machine import describe_machine
from fashion_bench.measure import Probe, ProgressCallback, Settings, measure, usable_cores
from fashion_bench.operators import against_peak, top_ten
from fashion_bench.results import Result
from fashion_bench.sustained import judge_sustained, measure_sustained
from fashion_bench.verdict import Needs, judge
from fashion_edge.bundle import Bundle
from fashion_edge.console import pluralize
from fashion_edge.errors import DatasetError, FashionError
from fashion_edge.progress import Progress

MEMORY_SECONDS = 0.5  # of inference before the resident memory counts as steady
NATIVE = ("litert", "onnx")  # engines whose graphs can be taken apart here


def add_memory(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback) -> list[Result]:
    """Resident memory of each case before loading, steady, and at its peak."""
    measured = []
    for done, result in enumerate(results):
        progress(f"memory of {result.case.name}", done, len(results))
        with Probe(result.case, bundle) as probe:
            bare = probe.ask("memory")
            probe.ask("load")
            probe.ask("run", seconds=MEMORY_SECONDS, samples=10, limit=10)
            after = probe.ask("memory")
        measured.append(result.with_extras(memory={**after, "before_load_mb": bare["rss_mb"]}))
    return measured


def add_accuracy(bundle: Bundle, results: Sequence[Result], photos: Path, progress: ProgressCallback) -> list[Result]:
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


def add_ceiling(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback) -> list[Result]:
    """Operations counted from the graph, against the peak measured on as many threads."""
    if not is_installed("litert"):
        return list(results)
    counts = sorted({result.case.threads for result in results})
    peaks: dict[int, dict[str, float]] = {}
    for done, threads in enumerate(counts):
        progress(f"peak of {pluralize(threads, 'thread')}", done, len(counts))
        peaks[threads] = ask_once(bundle, replace(NULL_CASE, threads=threads), "peak")
    counted = _once_each(results, "operations", lambda case: ask_once(bundle, case, "operations"), progress)
    return [
        result.with_extras(ceiling=against_peak(result, found.extras["operations"]["operations"], peaks))
        if "operations" in found.extras
        else result
        for result, found in zip(results, counted, strict=True)
    ]


def add_operators(bundle: Bundle, results: Sequence[Result], progress: ProgressCallback) -> list[Result]:
    """The ten operators that take longest, for every case."""
    measured = []
    for done, result in enumerate(results):
        if result.case.engine in NATIVE:
            progress(f"operators of {result.case.name}", done, len(results))
            found = ask_once(bundle, result.case, "operators")["operators"]
            result = result.with_extras(operators=top_ten(found))  # noqa: PLW2901
        measured.append(result)
    return measured


def measure_stages(
    bundle: Bundle, case: Case, source: str | None, fps: float, seconds: float, progress: ProgressCallback
) -> list[dict[str, Any]]:
    """End to end at camera cadence, then flat out, each in a process of its own."""
    from fashion_bench.endtoend import render_clip

    found = []
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "demo.avi"
        if source is None:
            render_clip(clip)
        for done, rate in enumerate((fps, 0.0)):
            progress(f"end to end at {rate:g} frames/s" if rate else "end to end, flat out", done, 2)
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
    results: Sequence[Result], key: str, ask: Callable[[Case], dict[str, Any]], progress: ProgressCallback
) -> list[Result]:
    """Ask once for each file and engine, and hand the answer to all thread counts."""
    found: dict[tuple[str | None, str], dict[str, Any]] = {}
    measured = []
    for done, result in enumerate(results):
        case = result.case
        if case.file is not None:
            progress(f"{key} of {case.engine} {case.precision}", done, len(results))
            place = (case.file, case.engine)
            if place not in found:
                found[place] = ask(case)
            result = result.with_extras(**{key: found[place]})  # noqa: PLW2901
        measured.append(result)
    return measured


T = TypeVar("T")


@dataclass(frozen=True)
class Extent:
    """What is found besides latency and memory."""

    photos: Path | None
    end_to_end: bool
    source: str | None
    fps: float
    stage_seconds: float
    sustained_s: float | None
    operators: bool


@dataclass
class Attempts:
    """Runs passes one after another; remembers which failed, and stops at Ctrl-C."""

    failed: list[str] = field(default_factory=list)
    interrupted: bool = False

    def attempt(self, what: str, work: Callable[[], T], otherwise: T) -> T:
        """What `work` gives, or `otherwise` where it fails."""
        if self.interrupted:
            return otherwise
        try:
            return work()
        except FashionError as error:
            self.failed.append(f"{what}: {error}")
        except KeyboardInterrupt:
            self.interrupt(what)
        return otherwise

    def interrupt(self, what: str) -> None:
        """Note that the person wants no more."""
        self.interrupted = True
        self.failed.append(f"interrupted at {what}; what comes after it was not measured")


def survey(
    bundle: Bundle, cases: Sequence[Case], extent: Extent, settings: Settings, argv: Sequence[str]
) -> tuple[Document, bool]:
    """Measure everything; also says whether Ctrl-C ended it early."""
    machine, load_before = describe_machine(), os.getloadavg()
    tries, needs = Attempts(), Needs(settings.min_seconds, settings.min_samples)
    with Progress("fashion-bench") as progress:
        results, skipped, whole = measure(bundle, [*cases, NULL_CASE], settings, progress.update)
        if not whole:
            tries.interrupt("the rounds")
        load_after = os.getloadavg()
        floor, results = _take_floor(results)
        results = _add_findings(bundle, results, extent, tries, progress)
        sections = _measure_sections(bundle, results, extent, settings, machine["governor"], tries, progress)
    document = Document(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["fashion-bench", *argv]),
        bundle=describe_bundle(bundle),
        machine=machine,
        settings=asdict(settings),
        load={"before": list(load_before), "after": list(load_after)},
        results=tuple(judge(result, needs, usable_cores(), machine["governor"]) for result in results),
        floor=floor,
        skipped=(*(entry.to_json() for entry in skipped), *({"reason": reason} for reason in tries.failed)),
        sections=sections,
    )
    return document, tries.interrupted


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """Which bundle it was, without the path it lies at."""
    manifest = bundle.manifest
    return {
        "name": bundle.path.name,
        "created": manifest.created,
        "labels": list(manifest.space.labels),
        "files": {variant.file: variant.sha256 for variant in manifest.variants},
    }


def _add_findings(
    bundle: Bundle, results: list[Result], extent: Extent, tries: Attempts, progress: Progress
) -> list[Result]:
    """Memory and ceiling always; accuracy and operators where asked for."""
    update, photos = progress.update, extent.photos
    results = tries.attempt("memory", lambda: add_memory(bundle, results, update), results)
    results = tries.attempt("peak and operations", lambda: add_ceiling(bundle, results, update), results)
    if photos:
        results = tries.attempt("accuracy", lambda: add_accuracy(bundle, results, photos, update), results)
        tries.failed += unreadable(results)
    if extent.operators:
        results = tries.attempt("operators", lambda: add_operators(bundle, results, update), results)
    return results


def _measure_sections(
    bundle: Bundle,
    results: Sequence[Result],
    extent: Extent,
    settings: Settings,
    governor: str | None,
    tries: Attempts,
    progress: Progress,
) -> dict[str, Any]:
    """What is measured of one case only: the first, which is what runs by default."""
    sections: dict[str, Any] = {}
    case = next((result.case for result in results if result.case.engine in NATIVE), None)
    if case is None:
        return sections
    update, nothing = progress.update, list[Any]()
    if extent.end_to_end:
        stages = partial(measure_stages, bundle, case, extent.source, extent.fps, extent.stage_seconds, update)
        sections["end_to_end"] = tries.attempt("end to end", stages, nothing)
    if extent.sustained_s:
        sustained = partial(measure_sustained, bundle, case, extent.sustained_s, settings, update)
        windows = tries.attempt("sustained", sustained, nothing)
        sections["sustained"] = [judge_sustained(case, windows, governor)] if windows else []
    return sections


def _take_floor(results: Sequence[Result]) -> tuple[Result | None, list[Result]]:
    floor = next((result for result in results if result.case == NULL_CASE), None)
    return floor, [result for result in results if result.case != NULL_CASE]
