"""What `fashion-bench` does, from options to outputs."""

import json
import os
import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fashion_bench.cases import NULL_CASE, Case, default_threads, plan_cases
from fashion_bench.document import Document
from fashion_bench.machine import describe_machine
from fashion_bench.measure import Settings, Skipped, measure, usable_cores
from fashion_bench.passes import add_accuracy, add_memory
from fashion_bench.progress import Progress
from fashion_bench.results import Result
from fashion_bench.verdict import Needs, judge
from fashion_edge.atomic import atomic_file, refuse_existing
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.console import say
from fashion_edge.locate import default_bundle


@dataclass(frozen=True)
class Options:
    """The command line."""

    bundle: Path | None
    engines: tuple[str, ...]
    precisions: tuple[str, ...]
    threads: tuple[int, ...]
    rounds: int
    min_seconds: float
    min_samples: int
    max_seconds: float
    warmup_seconds: float
    warmup_runs: int
    seed: int
    photos: Path | None
    json_file: Path | None
    overwrite: bool

    @property
    def settings(self) -> Settings:
        """The part that says how long and how often."""
        return Settings(
            rounds=self.rounds,
            min_seconds=self.min_seconds,
            min_samples=self.min_samples,
            max_seconds=self.max_seconds,
            warmup_seconds=self.warmup_seconds,
            warmup_runs=self.warmup_runs,
            seed=self.seed,
        )


def run(options: Options, argv: Sequence[str]) -> int:
    """Measure, print, write; 1 where a case could not be measured."""
    if options.json_file:
        refuse_existing(options.json_file, overwrite=options.overwrite)
    bundle = load_bundle(options.bundle or default_bundle())
    cases = plan_cases(bundle, options.threads or default_threads(), options.engines, options.precisions)
    document = measure_document(bundle, cases, options, argv)
    write_outputs(document, options)
    return 1 if document.skipped else 0


def measure_document(bundle: Bundle, cases: Sequence[Case], options: Options, argv: Sequence[str]) -> Document:
    """All passes over all cases."""
    settings, machine = options.settings, describe_machine()
    say(f"fashion-bench: {len(cases)} cases of {bundle.path}, {settings.rounds} rounds")
    load_before = os.getloadavg()
    with Progress() as progress:
        results, skipped = measure(bundle, [*cases, NULL_CASE], settings, progress.update)
        load_after = os.getloadavg()
        results = add_memory(bundle, results, progress.update)
        if options.photos:
            results = add_accuracy(bundle, results, options.photos, progress.update)
    needs = Needs(settings.min_seconds, settings.min_samples)
    judged = [judge(result, needs, usable_cores(), machine["governor"]) for result in results]
    return Document(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join(["fashion-bench", *argv]),
        bundle=describe_bundle(bundle),
        machine=machine,
        settings=asdict(settings),
        load={"before": load_before, "after": load_after},
        results=tuple(result for result in judged if result.case != NULL_CASE),
        floor=_floor(judged),
        skipped=tuple(entry.to_json() for entry in skipped),
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


def write_outputs(document: Document, options: Options) -> None:
    """The table to standard output, the files to where they were asked for."""
    from fashion_bench.table import print_report, report_console

    print_report(document, report_console())
    if options.json_file:
        with atomic_file(options.json_file, overwrite=options.overwrite) as part:
            part.write_text(json.dumps(document.to_json()) + "\n")
        say(f"fashion-bench: raw samples and figures are in {options.json_file}")


def _floor(results: Sequence[Result]) -> Result | None:
    return next((result for result in results if result.case == NULL_CASE), None)


__all__ = ["Options", "Skipped", "run"]
