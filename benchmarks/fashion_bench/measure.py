"""Interleaved rounds: every case once a round, each time in a new process."""

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from fashion_bench.cases import NULL_CASE, Case, shuffled_rounds
from fashion_bench.results import Result, Round
from fashion_edge.bundle import Bundle
from fashion_edge.errors import FashionError
from fashion_edge.telemetry import ROOT, read_telemetry


class WorkerError(FashionError):
    """A worker that reported an error or died; the case has no figures."""

    exit_status = 1

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing  # the runtime is not installed, which is no fault of the variant


class Probe:
    """A worker process that runs one case; a context manager that ends it."""

    def __init__(self, case: Case, bundle: Bundle) -> None:
        setup = {
            "bundle": str(Path(bundle.path).resolve()),
            "file": case.file,
            "engine": case.engine,
            "threads": case.threads,
        }
        # Interpreter and runtimes are told the same thread count; what they print goes nowhere near our table.
        env = os.environ | {"OMP_NUM_THREADS": str(case.threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._case = case
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__; a pipe that nobody drains would block the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fashion_bench.worker", json.dumps(setup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=env,
            text=True,
        )

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its reply.

        Raises:
            WorkerError: the worker says no, or is dead.
        """
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):  # its last words, if any, are still in the other pipe
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line.endswith("\n"):  # nothing, or half a reply
            raise WorkerError(f"{self._case.name}: the worker, asked to {do}, {self._died()}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerError(f"{self._case.name}: {reply['error']}", missing=reply["missing"])
        return reply

    def _died(self) -> str:
        how = _ending(self._process.wait(timeout=10))
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(words) if line.strip()), "")
        return f"{how} ({last[:160]})" if last else how

    def __enter__(self) -> Self:
        """Nothing to do: the process runs already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close its input, at which it ends; kill it if it does not."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5 if kind is None else 0.5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()


def _ending(status: int) -> str:
    if status >= 0:
        return f"ended with status {status}"
    with suppress(ValueError):  # a real-time signal has no name
        return f"was killed by {signal.Signals(-status).name}"
    return f"was killed by signal {-status}"


NULL_SECONDS = 0.02  # of the null backend: ten thousand samples
ProgressCallback = Callable[[str, int, int], None]  # what comes next, done, total


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
    bundle: Bundle, cases: Sequence[Case], settings: Settings, progress: ProgressCallback, root: Path = ROOT
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


def _run_rounds(
    bundle: Bundle, tallies: dict[Case, Tally], settings: Settings, progress: ProgressCallback, root: Path
) -> None:
    cases = list(tallies)
    total = len(cases) * settings.rounds
    for done, (_, case) in enumerate(shuffled_rounds(cases, settings.rounds, settings.seed)):
        tally = tallies[case]
        if tally.error:
            continue
        progress(case.name, done, total)
        try:
            own = _brief(settings) if case == NULL_CASE else settings
            tally.rounds.append(run_round(bundle, case, own, tally, root))
        except WorkerError as error:
            tally.error, tally.missing = str(error), error.missing
    progress("", total, total)


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
        before, load, own = read_telemetry(root), read_load(), time.process_time()
        steady = probe.ask(
            "run",
            seconds=settings.min_seconds / settings.rounds,
            samples=math.ceil(settings.min_samples / settings.rounds),
            limit=settings.max_seconds / settings.rounds,
        )
        own = time.process_time() - own
        after, others = read_telemetry(root), other_cores(load, read_load(), own + steady["cpu_seconds"])
    return Round(
        import_ms=round(loaded["import_ms"], 3),
        load_ms=round(loaded["load_ms"], 3),
        first_ms=first,
        warmup_ms=tuple(warmup),
        samples_ms=tuple(steady["ms"]),
        seconds=round(steady["seconds"], 4),
        other_cores=others,
        clock_mhz=(before.clock_mhz, after.clock_mhz),
        temperature_c=(before.temperature_c, after.temperature_c),
        throttled=(before.throttle_bits, after.throttle_bits),
    )


class Load(NamedTuple):
    """Processor time of the machine at a moment."""

    at: float  # time.monotonic
    busy_seconds: float  # of all cores together, since boot: user, system, interrupts and stolen time


def read_load() -> Load:
    """Read it from the kernel."""
    import psutil

    times = psutil.cpu_times()
    names = ("user", "nice", "system", "irq", "softirq", "steal")
    return Load(time.monotonic(), float(sum(getattr(times, name, 0.0) for name in names)))


def other_cores(before: Load, after: Load, own_seconds: float) -> float | None:
    """Cores that other programs kept busy between two readings; None over too short a time.

    The kernel counts in ticks of 10 ms, so under 0.1 s the error would be larger than the result.
    """
    wall = after.at - before.at
    if wall < 0.1:
        return None
    return round(max(0.0, (after.busy_seconds - before.busy_seconds - own_seconds) / wall), 3)


def usable_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))
