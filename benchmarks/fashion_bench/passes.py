"""Separate passes: what would disturb the timing, or need not be timed, is found in workers of its own."""

from collections.abc import Sequence

from fashion_bench.cases import Case
from fashion_bench.measure import Progress
from fashion_bench.probe import Probe
from fashion_bench.results import Result
from fashion_edge.bundle import Bundle
from fashion_edge.errors import DatasetError

MEMORY_SECONDS = 0.5  # of inference before the resident memory counts as steady


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


def add_accuracy(bundle: Bundle, results: Sequence[Result], photos: object, progress: Progress) -> list[Result]:
    """Exact match of each variant and engine; thread counts share one pass, for they give the same scores."""
    found: dict[tuple[str | None, str], dict[str, object]] = {}
    measured = []
    for done, result in enumerate(results):
        case = result.case
        if case.file is None:
            measured.append(result)
            continue
        progress(done, len(results), f"accuracy of {case.engine} {case.precision}")
        key = (case.file, case.engine)
        if key not in found:
            found[key] = _accuracy(bundle, case, photos)
        measured.append(result.with_extras(accuracy=found[key]))
    return measured


def _accuracy(bundle: Bundle, case: Case, photos: object) -> dict[str, object]:
    with Probe(case, bundle) as probe:
        probe.ask("load")
        found = probe.ask("accuracy", photos=str(photos))
    if not found["photos"]:
        raise DatasetError(f"none of the photos below {photos} could be read")
    return found
