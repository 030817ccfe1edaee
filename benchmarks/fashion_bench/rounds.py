"""Interleaved rounds: every case once a round, each time in a new process."""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Self

from fashion_bench.cases import NULL_CASE, Case, shuffle_rounds
from fashion_bench.document import VALID, Result, Round, Skipped
from fashion_bench.settings import Timing
from fashion_edge.bundle import Bundle
from fashion_edge.errors import FashionError
from fashion_edge.isolated import ANSWER_TIMEOUT_S, describe_exit
from fashion_edge.telemetry import ROOT, read_telemetry

NULL_SECONDS = 0.02  # of the null backend: ten thousand samples
ProgressCallback = Callable[[str, int, int], None]  # what comes next, done, total


class WorkerError(FashionError):
    """A worker that reported an error or died; the case has no figures."""

    exit_status = 1

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing  # the runtime is not installed


class WorkerProcess:
    """A process that runs one case; a context manager that ends it."""

    def __init__(self, case: Case, bundle: Bundle) -> None:
        setup = {
            "bundle": str(Path(bundle.path).resolve()),
            "file": case.file,
            "engine": case.engine,
            "threads": case.threads,
        }
        env = os.environ | {"OMP_NUM_THREADS": str(case.threads), "TF_CPP_MIN_LOG_LEVEL": "3"}
        self._case = case
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in __exit__; a pipe that nobody reads would block the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fashion_bench.worker", json.dumps(setup)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=env,
            text=True,
        )

    def request(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and wait for its reply.

        Raises:
            WorkerError: the worker reports an error, or is dead.
        """
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):  # a last reply may still be in the other pipe
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line.endswith("\n"):  # nothing, or half a reply
            death = self._describe_death(ANSWER_TIMEOUT_S + arguments.get("limit", 0))
            raise WorkerError(f"{self._case.name}: the worker {death} at {do}")
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerError(f"{self._case.name}: {reply['error']}", missing=reply["missing"])
        return reply

    def run(self, seconds: float, samples: int, limit: float) -> dict[str, Any]:
        """Time single inferences until both minima are reached, or the limit is; see `Worker.run`."""
        return self.request("run", seconds=seconds, samples=samples, limit=limit)

    def _describe_death(self, timeout: float) -> str:
        how = describe_exit(self._process.wait(timeout=10), timeout)
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").split("\n")
        last = next((line.strip() for line in reversed(lines) if line.strip()), "")
        return f"{how} ({last[:160]})" if last else how

    def __enter__(self) -> Self:
        """Return self: the process already runs."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
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


@dataclass
class _CaseState:
    engine: str = ""
    rounds: list[Round] = field(default_factory=list)
    samples: list[float] = field(default_factory=list)
    error: WorkerError | None = None


def measure_rounds(
    bundle: Bundle, cases: Sequence[Case], timing: Timing, progress: ProgressCallback, root: Path = ROOT
) -> tuple[list[Result], list[Skipped], bool]:
    """Run all rounds; a case that fails once is dropped and the others continue.

    Args:
        bundle: the bundle of the cases.
        cases: what to measure.
        timing: how long and how often.
        progress: called before each process.
        root: where /sys is, for tests.

    Returns:
        Results without a verdict, cases without results, and whether all rounds ran: Ctrl-C keeps those that are over.
    """
    states = {case: _CaseState() for case in cases}
    completed = False
    with suppress(KeyboardInterrupt):
        _run_rounds(bundle, states, timing, progress, root)
        completed = True
    for case, state in states.items():
        if not (state.error or state.rounds):
            state.error = WorkerError(f"{case.name}: interrupted before its first round")
    results = [_make_result(case, state) for case, state in states.items() if not state.error]
    skipped = [_make_skipped(case, state.error) for case, state in states.items() if state.error]
    return results, skipped, completed


def _make_result(case: Case, state: _CaseState) -> Result:
    return Result(
        variant=case.file,
        runtime=case.engine,
        engine=state.engine,
        precision=case.precision,
        threads=case.threads,
        bytes=case.bytes,
        verdict=VALID,
        reasons=(),
        samples_ms=tuple(state.samples),
        rounds=tuple(state.rounds),
    )


def _make_skipped(case: Case, error: WorkerError) -> Skipped:
    return Skipped(str(error), case.file, case.engine, case.precision, case.threads, error.missing)


def _run_rounds(
    bundle: Bundle, states: dict[Case, _CaseState], timing: Timing, progress: ProgressCallback, root: Path
) -> None:
    brief = replace(timing, min_seconds=NULL_SECONDS, warmup_seconds=NULL_SECONDS / timing.rounds)
    total = len(states) * timing.rounds
    for done, case in enumerate(shuffle_rounds(list(states), timing.rounds, timing.seed)):
        state = states[case]
        if state.error:
            continue
        progress(case.name, done, total)
        try:
            run_round(bundle, case, brief if case == NULL_CASE else timing, state, root)
        except WorkerError as error:
            state.error = error
    progress("", total, total)


def run_round(bundle: Bundle, case: Case, timing: Timing, state: _CaseState, root: Path) -> None:
    """One process: load, first inference, warm-up, steady block; adds the round to `state`.

    Raises:
        WorkerError: the worker reported an error or died.
    """
    with WorkerProcess(case, bundle) as worker:
        loaded = worker.request("load")
        state.engine = loaded["engine"]
        first = worker.run(0, 1, timing.max_seconds)["ms"][0]
        warmup = worker.run(timing.warmup_seconds, timing.warmup_runs, timing.max_seconds)["ms"]
        before, load, own = read_telemetry(root), read_load(), time.process_time()
        steady = worker.run(
            timing.min_seconds / timing.rounds,
            math.ceil(timing.min_samples / timing.rounds),
            timing.max_seconds / timing.rounds,
        )
        own = time.process_time() - own
        other, after = other_cores(load, read_load(), own + steady["cpu_seconds"]), read_telemetry(root)
    state.samples += steady["ms"]
    state.rounds.append(
        Round(
            samples=len(steady["ms"]),
            import_ms=round(loaded["import_ms"], 3),
            load_ms=round(loaded["load_ms"], 3),
            first_ms=first,
            warmup_ms=tuple(warmup),
            seconds=round(steady["seconds"], 4),
            other_cores=other,
            clock_mhz=(before.clock_mhz, after.clock_mhz),
            temperature_c=(before.temperature_c, after.temperature_c),
            throttled=(before.throttle_bits, after.throttle_bits),
        )
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
