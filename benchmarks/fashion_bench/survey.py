"""All passes over all cases, into one document. A pass that fails is said; what was measured before it is kept."""

import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fashion_bench import passes
from fashion_bench.cases import NULL_CASE, Case
from fashion_bench.document import Document
from fashion_bench.machine import describe_machine
from fashion_bench.measure import Settings, measure, usable_cores
from fashion_bench.progress import Progress
from fashion_bench.results import Result
from fashion_bench.sustained import judge_sustained, measure_sustained
from fashion_bench.verdict import Needs, judge
from fashion_edge.bundle import Bundle
from fashion_edge.errors import FashionError

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
    meter: Path | None


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
    with Progress() as progress:
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
    """Memory and ceiling always; accuracy, energy and operators where asked for."""
    update, photos, meter = progress.update, extent.photos, extent.meter
    results = tries.attempt("memory", lambda: passes.add_memory(bundle, results, update), results)
    results = tries.attempt("peak and operations", lambda: passes.add_ceiling(bundle, results, update), results)
    if photos:
        results = tries.attempt("accuracy", lambda: passes.add_accuracy(bundle, results, photos, update), results)
        tries.failed += passes.unreadable(results)
    if meter:
        results = tries.attempt("energy", lambda: passes.add_energy(bundle, results, meter, update), results)
    if extent.operators:
        results = tries.attempt("operators", lambda: passes.add_operators(bundle, results, update), results)
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
    case = next((result.case for result in results if result.case.engine in passes.NATIVE), None)
    if case is None:
        return sections
    update, nothing = progress.update, list[Any]()
    if extent.end_to_end:
        stages = partial(passes.measure_stages, bundle, case, extent.source, extent.fps, extent.stage_seconds, update)
        sections["end_to_end"] = tries.attempt("end to end", stages, nothing)
    if extent.sustained_s:
        sustained = partial(measure_sustained, bundle, case, extent.sustained_s, settings, update)
        windows = tries.attempt("sustained", sustained, nothing)
        sections["sustained"] = [judge_sustained(case, windows, governor)] if windows else []
    return sections


def _take_floor(results: Sequence[Result]) -> tuple[Result | None, list[Result]]:
    floor = next((result for result in results if result.case == NULL_CASE), None)
    return floor, [result for result in results if result.case != NULL_CASE]
