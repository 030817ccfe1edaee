"""What `fashion-bench` does, from options to outputs."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fashion_bench import passes
from fashion_bench.accuracy import labelled_photos
from fashion_bench.cases import NULL_CASE, Case, default_threads, plan_cases
from fashion_bench.choose import choose, make_profile
from fashion_bench.document import Document, merge, read_document
from fashion_bench.machine import describe_machine
from fashion_bench.measure import Settings, Skipped, measure, usable_cores
from fashion_bench.meter import check_meter
from fashion_bench.outputs import Outputs, deliver
from fashion_bench.progress import Progress
from fashion_bench.results import Result
from fashion_bench.sustained import judge_sustained, measure_sustained
from fashion_bench.verdict import Needs, judge
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.console import say
from fashion_edge.errors import UsageError
from fashion_edge.locate import default_bundle
from fashion_edge.profile import default_profile, write_profile


@dataclass(frozen=True)
class Options:
    """What to measure; the rest of the command line is in `Settings` and `Outputs`."""

    bundle: Path | None
    engines: tuple[str, ...]
    precisions: tuple[str, ...]
    threads: tuple[int, ...]
    photos: Path | None
    end_to_end: bool
    source: str | None
    fps: float
    stage_seconds: float
    sustained_s: float | None
    operators: bool
    meter: Path | None
    choose: bool
    accuracy_floor: float | None
    profile: Path | None


def run(options: Options, settings: Settings, outputs: Outputs, argv: Sequence[str]) -> int:
    """Measure, print, write; 1 where a case could not be measured."""
    if options.accuracy_floor is not None and not options.photos:
        raise UsageError(f"--accuracy-floor {options.accuracy_floor:g} needs labelled photos: add --photos DIR")
    baseline = outputs.check()
    bundle = load_bundle(options.bundle or default_bundle())
    cases = plan_cases(bundle, options.threads or default_threads(), options.engines, options.precisions)
    if options.meter:
        check_meter(options.meter)
    if options.photos:
        labelled_photos(options.photos, bundle.manifest.space.labels)
    say(f"fashion-bench: {len(cases)} cases of {bundle.path}, {settings.rounds} rounds")
    document = measure_document(bundle, cases, options, settings, argv)
    deliver(document, outputs, baseline, outputs.json_file or Path("this run"))
    if options.choose:
        write_choice(document, bundle, options)
    return 1 if document.skipped else 0


def report(files: Sequence[Path], outputs: Outputs) -> int:
    """Render again from JSON alone; several files stand in one table if their machines are alike."""
    baseline = outputs.check()
    documents = [(path, read_document(path)) for path in files]
    deliver(merge(documents), outputs, baseline, files[0])
    return 0


def measure_document(
    bundle: Bundle, cases: Sequence[Case], options: Options, settings: Settings, argv: Sequence[str]
) -> Document:
    """All passes over all cases."""
    machine, load_before = describe_machine(), os.getloadavg()
    with Progress() as progress:
        results, skipped = measure(bundle, [*cases, NULL_CASE], settings, progress.update)
        load_after = os.getloadavg()
        results = passes.add_memory(bundle, results, progress.update)
        floor, results = _take_floor(results)
        results = passes.add_ceiling(bundle, results, progress.update)
        if options.photos:
            results = passes.add_accuracy(bundle, results, options.photos, progress.update)
        if options.meter:
            results = passes.add_energy(bundle, results, options.meter, progress.update)
        if options.operators:
            results = passes.add_operators(bundle, results, progress.update)
        sections = _measure_sections(bundle, results, options, settings, machine, progress)
    needs = Needs(settings.min_seconds, settings.min_samples)
    return Document(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["fashion-bench", *argv]),
        bundle=describe_bundle(bundle),
        machine=machine,
        settings=asdict(settings),
        load={"before": load_before, "after": load_after},
        results=tuple(judge(result, needs, usable_cores(), machine["governor"]) for result in results),
        floor=floor,
        skipped=tuple(entry.to_json() for entry in skipped),
        sections=sections,
    )


def write_choice(document: Document, bundle: Bundle, options: Options) -> None:
    """Choose, write the profile, say so.

    Raises:
        GateError: nothing qualifies.
    """
    path = options.profile or default_profile()
    profile = make_profile(choose(document.results, options.accuracy_floor), bundle, document.created)
    write_profile(path, profile)
    say(
        f"fashion-bench: chose {profile.runtime} {profile.precision}, {profile.threads} threads ({profile.reason}); "
        f"fashion-edge starts with it from now on: {path}"
    )


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """Which bundle it was, without the path it lies at."""
    manifest = bundle.manifest
    return {
        "name": bundle.path.name,
        "created": manifest.created,
        "labels": list(manifest.space.labels),
        "files": {variant.file: variant.sha256 for variant in manifest.variants},
    }


def _measure_sections(
    bundle: Bundle,
    results: Sequence[Result],
    options: Options,
    settings: Settings,
    machine: dict[str, Any],
    progress: Progress,
) -> dict[str, Any]:
    """What is measured of one case only: the first, which is what runs by default."""
    sections: dict[str, Any] = {}
    case = next((result.case for result in results if result.case.engine in passes.NATIVE), None)
    if case is None:
        return sections
    if options.end_to_end:
        sections["end_to_end"] = passes.measure_stages(
            bundle, case, options.source, options.fps, options.stage_seconds, progress.update
        )
    if options.sustained_s:
        windows = measure_sustained(bundle, case, options.sustained_s, settings, progress.update)
        sections["sustained"] = [judge_sustained(case, windows, machine["governor"])]
    return sections


def _take_floor(results: Sequence[Result]) -> tuple[Result | None, list[Result]]:
    floor = next((result for result in results if result.case == NULL_CASE), None)
    return floor, [result for result in results if result.case != NULL_CASE]


__all__ = ["Options", "Skipped", "report", "run"]
