"""Interleaved rounds: every case once a round, each time in a new process."""

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from fashion_bench.cases import NULL_CASE, Case, shuffled_rounds
from fashion_bench.probe import Probe, WorkerError
from fashion_bench.results import Result, Round
from fashion_bench.telemetry import ROOT, Telemetry, read_telemetry
from fashion_edge.bundle import Bundle

NULL_SECONDS = 0.02  # of the null backend: ten thousand samples
Progress = Callable[[int, int, str], None]  # done, total, what comes next


@dataclass(frozen=True)
class Settings:
    """How long and how often; seconds and samples are totals of a case over all rounds."""

    rounds: int = 6
    min_seconds: float = 3.0
    min_samples: int = 400
    max_seconds: float = 60.0
    warmup_seconds: float = 0.3
    warmup_runs: int = 10
    seed: int = 0


@dataclass
class Tally:
    """What came of a case while the rounds go on."""

    engine: str = ""
    rounds: list[Round] = field(default_factory=list)
    error: str | None = None
    missing: bool = False


@dataclass(frozen=True)
class Skipped:
    """A case without figures, and why; `missing` where its runtime is not installed."""

    case: Case
    reason: str
    missing: bool

    def to_json(self) -> dict[str, Any]:
        """The entry in `skipped`."""
        return {
            "variant": self.case.file,
            "runtime": self.case.engine,
            "precision": self.case.precision,
            "threads": self.case.threads,
            "reason": self.reason,
            "missing": self.missing,
        }


def measure(
    bundle: Bundle, cases: Sequence[Case], settings: Settings, progress: Progress, root: Path = ROOT
) -> tuple[list[Result], list[Skipped], bool]:
    """Run all rounds; a case that fails once is dropped, said, and the rest go on.

    Returns results, cases without any, and whether it went to the end: Ctrl-C keeps the rounds that are over.
    """
    tallies = {case: Tally() for case in cases}
    try:
        _run_rounds(bundle, tallies, settings, progress, root)
        whole = True
    except KeyboardInterrupt:
        whole = False
    for case, tally in tallies.items():
        if not (tally.error or tally.rounds):
            tally.error = f"{case.name}: interrupted before its first round"
    results = [Result(case, t.engine, tuple(t.rounds)) for case, t in tallies.items() if not t.error]
    skipped = [Skipped(case, t.error, t.missing) for case, t in tallies.items() if t.error]
    return results, skipped, whole


def _run_rounds(bundle: Bundle, tallies: dict[Case, Tally], settings: Settings, progress: Progress, root: Path) -> None:
    cases = list(tallies)
    total = len(cases) * settings.rounds
    for done, (_, case) in enumerate(shuffled_rounds(cases, settings.rounds, settings.seed)):
        tally = tallies[case]
        if tally.error:
            continue
        progress(done, total, case.name)
        try:
            own = _brief(settings) if case == NULL_CASE else settings
            tally.rounds.append(run_round(bundle, case, own, tally, root))
        except WorkerError as error:
            tally.error, tally.missing = str(error), error.missing
    progress(total, total, "")


def _brief(settings: Settings) -> Settings:
    return replace(settings, min_seconds=NULL_SECONDS, warmup_seconds=NULL_SECONDS / settings.rounds)


def run_round(bundle: Bundle, case: Case, settings: Settings, tally: Tally, root: Path = ROOT) -> Round:
    """One process: load, first inference, warm-up, steady block.

    Raises:
        WorkerError: the worker said no or died.
    """
    with Probe(case, bundle) as probe:
        loaded = probe.ask("load")
        tally.engine = loaded["engine"]
        first = probe.ask("run", seconds=0, samples=1, limit=settings.max_seconds)["ms"][0]
        warmup = probe.ask(
            "run", seconds=settings.warmup_seconds, samples=settings.warmup_runs, limit=settings.max_seconds
        )["ms"]
        before, own = read_telemetry(root), time.process_time()
        steady = probe.ask(
            "run",
            seconds=settings.min_seconds / settings.rounds,
            samples=math.ceil(settings.min_samples / settings.rounds),
            limit=settings.max_seconds / settings.rounds,
        )
        own = time.process_time() - own
        after = read_telemetry(root)
    return Round(
        import_ms=round(loaded["import_ms"], 3),
        load_ms=round(loaded["load_ms"], 3),
        first_ms=first,
        warmup_ms=tuple(warmup),
        samples_ms=tuple(steady["ms"]),
        seconds=round(steady["seconds"], 4),
        other_cores=other_cores(before, after, own + steady["cpu_seconds"]),
        clock_mhz=(before.clock_mhz, after.clock_mhz),
        temperature_c=(before.temperature_c, after.temperature_c),
        throttled=(before.throttled, after.throttled),
    )


def other_cores(before: Telemetry, after: Telemetry, own_seconds: float) -> float | None:
    """Cores that other programs kept busy between two readings; None over too short a time to tell.

    The kernel counts in ticks of 10 ms, so under 0.1 s the error would be larger than what is looked for.
    """
    wall = after.at - before.at
    if wall < 0.1:
        return None
    busy = after.busy_seconds - before.busy_seconds - own_seconds
    return round(max(0.0, busy / wall), 3)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))
