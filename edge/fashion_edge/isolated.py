"""A subprocess for jobs that may crash or hang, as native code does with a damaged file or on another processor.

It is a fresh interpreter, started with `-m`: a program needs no `if __name__ == "__main__"`, and threads may start it.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from subprocess import PIPE, Popen, TimeoutExpired
from typing import Any, NamedTuple

from fashion_edge.errors import FashionError, MissingExtraError, brief

ANSWER_TIMEOUT_S = 60.0  # with a slow SD card a Pi takes ten to import a runtime
EXIT_TIMEOUT_S = 5.0
MAX_MEMORY = 4 << 30  # bytes; a model file has at most 512 MB
REASON_LENGTH = 400  # characters of an error: a linker names a long path before the missing symbol


class JobResult(NamedTuple):
    """The end of a job."""

    state: str  # "done", "missing" (not installed), "failed" (a Python exception) or "crashed" (the subprocess ended)
    text: str = ""  # if it crashed: "is killed by SIGILL (illegal instruction)"


class KilledError(ImportError):
    """A module that crashes the process which imports it."""


class IsolatedProcess:
    """Runs jobs in one subprocess, which starts with the first job and again after a crash."""

    def __init__(self, errors: int | None = None) -> None:
        """`errors` is where its standard error goes, as for `subprocess`."""
        self._errors = errors
        self._child: Popen[str] | None = None

    def run(self, *job: str | int) -> JobResult:
        """Run a job of `JOBS`, given its name and its arguments; its unexpected exceptions are raised here, too."""
        child = self._child = self._child or _start(self._errors)
        assert child.stdin
        assert child.stdout
        with suppress(BrokenPipeError):  # it has ended, as `readline` will find
            child.stdin.write(json.dumps([ANSWER_TIMEOUT_S, *job]) + "\n")
            child.stdin.flush()
        answer = child.stdout.readline()
        if not answer.endswith("\n"):
            with suppress(TimeoutExpired):
                child.wait(EXIT_TIMEOUT_S)
            return JobResult("crashed", describe_exit(self.close()))
        state, text, note = json.loads(answer)
        if state == "raised":
            error = RuntimeError(text)
            error.add_note(note)
            raise error
        return JobResult(state, text)

    def load(self, module: str) -> Any:
        """Import a module, in the subprocess first; raises `KilledError` if that crashes."""
        if (result := self.run("load", module)).state == "crashed":
            raise KilledError(f"it {result.text}")
        return import_module(module)

    def close(self) -> int:
        """End the subprocess and its children, if it runs; returns its exit status, as `Popen` has it."""
        child, self._child = self._child, None
        if child is None:
            return 0
        with suppress(BrokenPipeError, ProcessLookupError), child:  # leaving closes the pipes, and waits
            os.killpg(child.pid, signal.SIGKILL)  # a broken runtime may never end by itself
        return child.wait()


def _start(errors: int | None) -> Popen[str]:
    from multiprocessing.spawn import get_executable  # programs that embed Python set it

    command = [os.fsdecode(get_executable()), "-P", "-m", __name__]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    return Popen(command, env=environment, text=True, stdin=PIPE, stdout=PIPE, stderr=errors, start_new_session=True)


def describe_exit(status: int, timeout: float | None = None) -> str:
    """Describe the exit status of a process that gave no answer, such as `ends its process with status 1`."""
    if status == -signal.SIGALRM:
        return f"gives no answer within {timeout or ANSWER_TIMEOUT_S:g} s"
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


def replay(folder: str, file: str, threads: int = 1) -> JobResult:
    """Replay the golden frames on one variant of a bundle; the text is the largest difference."""
    from fashion_edge.backends import open_backend
    from fashion_edge.bundle import load_bundle
    from fashion_edge.golden import self_check

    try:
        bundle = load_bundle(Path(folder))
        variant = next(variant for variant in bundle.manifest.variants if variant.file == file)
        drift = self_check(bundle, variant, open_backend(bundle, variant, threads))
    except FashionError as error:
        return JobResult("missing" if isinstance(error, MissingExtraError) else "failed", str(error))
    return JobResult("done", f"{drift:.4f}")


JOBS: dict[str, Callable[..., JobResult]] = {"load": load, "replay": replay}


def serve() -> None:
    """In the subprocess: answer each job of standard input, one JSON line for another, until it is closed."""
    _set_limits()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a runtime prints is not a finding
    for line in sys.stdin:
        seconds, name, *arguments = json.loads(line)
        try:
            with ended_after(seconds):
                answer = *JOBS[name](*arguments), ""
        except Exception as error:
            answer = "raised", describe_error(error), traceback.format_exc()
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


@contextmanager
def ended_after(seconds: float) -> Iterator[None]:
    """Let the kernel end this process if the block takes longer, even if native code hangs or the parent is dead."""
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # the parent may ignore or block it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _set_limits() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash must not leave a core file
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_MEMORY if hard < 0 else min(hard, MAX_MEMORY), hard))
    with suppress(OSError):  # under memory pressure the kernel ends this process first
        Path("/proc/self/oom_score_adj").write_text("1000")


def describe_error(error: Exception) -> str:
    """Type and message, on one line."""
    return f"{type(error).__name__}: {brief(error, REASON_LENGTH)}"


if __name__ == "__main__":
    serve()
