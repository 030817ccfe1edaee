"""A subprocess for jobs that may crash, as native code built for another processor does."""

import os
import resource
import signal
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from fashion_edge.errors import FashionError, MissingExtraError, brief

ANSWER_TIMEOUT_S = 60.0  # with a slow SD card a Pi takes ten to import a runtime
EXIT_TIMEOUT_S = 5.0
REASON_LENGTH = 400  # characters of an error: a linker names a long path before the missing symbol


@dataclass(frozen=True)
class JobResult:
    """The end of a job."""

    state: str  # "done", "missing" (not installed), "failed" (a Python exception) or "crashed" (the subprocess ended)
    text: str = ""  # if it crashed: "is killed by SIGILL (illegal instruction)"


class KilledError(ImportError):
    """A module that crashes the process which imports it."""


class IsolatedProcess:
    """Runs jobs in one subprocess, which starts with the first job and again after a crash."""

    def __init__(self) -> None:
        self._child: tuple[SpawnProcess, Connection] | None = None

    def run(self, *job: str) -> JobResult:
        """Run a job of `JOBS`, given its name and its arguments; its unexpected exceptions are raised here, too."""
        process, connection = self._child = self._child or _start()
        with suppress(BrokenPipeError):  # it has ended, as `recv` will find
            connection.send(job)
        if not connection.poll(ANSWER_TIMEOUT_S):
            self.close()
            return JobResult("crashed", f"gives no answer within {ANSWER_TIMEOUT_S:g} s")
        try:
            answer = connection.recv()
        except (EOFError, ConnectionResetError):
            process.join(EXIT_TIMEOUT_S)
            self.close()
            return JobResult("crashed", _describe_exit(process.exitcode or 0))
        if isinstance(answer, JobResult):
            return answer
        raise answer

    def load(self, module: str) -> Any:
        """Import a module, in the subprocess first; raises `KilledError` if that crashes."""
        if (result := self.run("load", module)).state == "crashed":
            raise KilledError(f"it {result.text}")
        return import_module(module)

    def close(self) -> None:
        """End the subprocess, if it runs."""
        if self._child is not None:
            process, connection = self._child
            process.kill()  # a broken runtime may never end by itself
            process.join()
            connection.close()
            self._child = None


def _start() -> tuple[SpawnProcess, Connection]:
    context = get_context("spawn")  # a fork would share what this process has imported
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return process, ours


def _describe_exit(status: int) -> str:
    if status >= 0:
        return f"ends its process with status {status}"
    with suppress(ValueError):  # real-time signals have no name
        number = signal.Signals(-status)
        return f"is killed by {number.name} ({(signal.strsignal(number) or 'unknown').lower()})"
    return f"is killed by signal {-status}"


def load(module: str) -> JobResult:
    """Import a module."""
    try:
        import_module(module)
    except Exception as error:  # modules may raise anything
        return JobResult("failed", describe_error(error))
    return JobResult("done")


def replay(folder: str, file: str) -> JobResult:
    """Replay the golden frames on one variant of a bundle; the text is the largest difference."""
    from fashion_edge.backends import open_backend
    from fashion_edge.bundle import load_bundle
    from fashion_edge.golden import self_check

    try:
        bundle = load_bundle(Path(folder))
        variant = next(variant for variant in bundle.manifest.variants if variant.file == file)
        drift = self_check(bundle, variant, open_backend(bundle, variant))
    except FashionError as error:
        return JobResult("missing" if isinstance(error, MissingExtraError) else "failed", str(error))
    return JobResult("done", f"{drift:.4f}")


JOBS: dict[str, Callable[..., JobResult]] = {"load": load, "replay": replay}


def serve(connection: Connection) -> None:
    """In the subprocess: run jobs until the connection is closed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave a core file
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a runtime prints is not a finding
    with suppress(EOFError, ConnectionError):
        while True:
            name, *arguments = connection.recv()
            try:
                connection.send(JOBS[name](*arguments))
            except Exception as error:
                failure = RuntimeError(describe_error(error))
                failure.add_note(traceback.format_exc())
                connection.send(failure)


def describe_error(error: Exception) -> str:
    """Type and message, on one line."""
    return f"{type(error).__name__}: {brief(error, REASON_LENGTH)}"
