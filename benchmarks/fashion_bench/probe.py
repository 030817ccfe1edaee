"""The parent's end of a worker: start it, ask it, and say how it died."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from fashion_bench.cases import Case
from fashion_edge.bundle import Bundle
from fashion_edge.errors import FashionError


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
