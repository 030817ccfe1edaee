"""Measure every case of a bundle into one document. A pass that fails is reported; the results before it are kept."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from fashion_bench.cases import NULL_CASE, Case, plan_cases
from fashion_bench.document import Document, EndToEnd, Result, Sections, Skipped, Window
from fashion_bench.machine import describe_machine
from fashion_bench.passes import (
    NATIVE,
    add_accuracy,
    add_ceiling,
    add_memory,
    add_operators,
    describe_unreadable,
    measure_stages,
    measure_sustained,
)
from fashion_bench.rounds import ProgressCallback, measure_rounds
from fashion_bench.settings import Passes, Timing
from fashion_bench.verdict import evaluate, evaluate_sustained
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.errors import FashionError

T = TypeVar("T")


@dataclass
class _Attempts:
    """Runs passes one after another; remembers which failed, and stops at Ctrl-C."""

    failed: list[str] = field(default_factory=list)
    interrupted: bool = False

    def run(self, what: str, work: Callable[[], T], otherwise: T) -> T:
        """What `work` returns, or `otherwise` where it fails."""
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
        """Note that Ctrl-C ended the run."""
        self.interrupted = True
        self.failed.append(f"interrupted at {what}; what comes after it was not measured")


def _no_progress(text: str, done: int, total: int) -> None:
    """Show nothing."""


def benchmark(
    bundle: Bundle | str | os.PathLike[str],
    cases: Sequence[Case] = (),
    timing: Timing = Timing(),  # noqa: B008  # frozen
    passes: Passes = Passes(),  # noqa: B008
    *,
    progress: ProgressCallback = _no_progress,
    command: str = "fashion_bench.benchmark",
) -> Document:
    """Measure load, first and steady latency of every case, each in its own process, in interleaved rounds.

    Args:
        bundle: the folder of a bundle, or what `fashion_edge.bundle.load_bundle` returns.
        cases: what to measure, from `plan_cases`; every variant with every installed runtime where empty.
        timing: how long and how often.
        passes: what to measure besides.
        progress: called with what comes next, how many steps are done, and how many there are.
        command: how the document says that it was made.

    Returns:
        The document, with a verdict for each case. Ctrl-C ends the run early; `interrupted` says so, and what was
        measured until then is kept.

    Raises:
        BundleError: the bundle is missing or damaged.
        UsageError: the bundle has no variant to measure.

    Example:
        >>> document = benchmark("bundles/mine", timing=Timing(rounds=3))
        >>> for result in document.results:
        ...     print(result.case.name, result.quantile("p50"), result.verdict)
    """
    bundle = bundle if isinstance(bundle, Bundle) else load_bundle(Path(bundle))
    cases = cases or plan_cases(bundle)
    machine, load_before = describe_machine(), os.getloadavg()
    attempts = _Attempts()
    measured, skipped, completed = measure_rounds(bundle, [*cases, NULL_CASE], timing, progress)
    if not completed:
        attempts.interrupt("the rounds")
    load_after, cores = os.getloadavg(), len(os.sched_getaffinity(0))
    floor = next((result for result in measured if result.case == NULL_CASE), None)
    results = [evaluate(result, timing, cores, machine.governor) for result in measured if result is not floor]
    results = _add_findings(bundle, results, passes, attempts, progress)
    sections = _measure_sections(bundle, results, passes, timing, machine.governor, attempts, progress)
    return Document(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        command=command,
        bundle=_describe_bundle(bundle),
        machine=machine,
        settings=asdict(timing),
        load={"before": list(load_before), "after": list(load_after)},
        results=tuple(results),
        floor=floor,
        skipped=(*skipped, *(Skipped(reason) for reason in attempts.failed)),
        sections=sections,
        interrupted=attempts.interrupted,
    )


def _describe_bundle(bundle: Bundle) -> dict[str, Any]:
    """Name and hashes, without its path."""
    manifest = bundle.manifest
    return {
        "name": bundle.path.name,
        "created": manifest.created,
        "labels": list(manifest.space.labels),
        "files": {variant.file: variant.sha256 for variant in manifest.variants},
    }


def _add_findings(
    bundle: Bundle, results: list[Result], passes: Passes, attempts: _Attempts, progress: ProgressCallback
) -> list[Result]:
    """Memory and operations always; accuracy and operators by option."""
    add: dict[str, Callable[[Bundle, Sequence[Result], ProgressCallback], list[Result]]] = {
        "memory": add_memory,
        "operations": add_ceiling,
    }
    if passes.photos:
        add["accuracy"] = partial(add_accuracy, photos=passes.photos)
    if passes.operators:
        add["operators"] = add_operators
    for name, work in add.items():
        results = attempts.run(name, partial(work, bundle, results, progress), results)
    attempts.failed += describe_unreadable(results)
    return results


def _measure_sections(
    bundle: Bundle,
    results: Sequence[Result],
    passes: Passes,
    timing: Timing,
    governor: str | None,
    attempts: _Attempts,
    progress: ProgressCallback,
) -> Sections:
    """What is measured of one case only: the first, which is what runs by default."""
    case = next((result.case for result in results if result.runtime in NATIVE), None)
    stages: list[EndToEnd] = []
    windows: list[Window] = []
    if case and passes.end_to_end:
        work = partial(measure_stages, bundle, case, passes.source, passes.fps, passes.stage_seconds, progress)
        stages = attempts.run("end to end", work, stages)
    if case and passes.sustained_s:
        run = partial(measure_sustained, bundle, case, passes.sustained_s, timing, progress)
        windows = attempts.run("sustained", run, windows)
    return Sections(stages, [evaluate_sustained(case, windows, governor)] if case and windows else [])
