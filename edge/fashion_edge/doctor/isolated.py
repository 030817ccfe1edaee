"""A second interpreter for what may end its process without a word, as native code built for another processor does."""

import json
import select
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# With our own search path: what is imported there must be what would have been imported here.
BOOT = "import sys; sys.path[:] = sys.argv[1:]; from fashion_edge.doctor.jobs import serve; serve()"
ANSWER_TIMEOUT_S = 60.0  # a slow card under a Pi needs ten for a runtime
END_TIMEOUT_S = 5.0


@dataclass(frozen=True)
class Outcome:
    """What came of a job."""

    state: str  # "done", "missing" (not installed), "refused" (a Python error) or "died" (took its process with it)
    text: str = ""  # where it died, what it did: "is killed by SIGILL (illegal instruction)"


class Aside:
    """One child that does jobs until one kills it, then another: started when first asked, ended with the block."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None

    def ask(self, *job: str) -> Outcome:
        """Have a job of `jobs.JOBS` done, given its name and its arguments.

        Raises:
            RuntimeError: the job failed in a way that it does not foresee; the child's traceback is its note.
        """
        child = self._child = self._child or _start()
        assert child.stdin
        assert child.stdout
        with suppress(BrokenPipeError):  # dead already, which its other pipe tells
            child.stdin.write(json.dumps(job).encode() + b"\n")
        if not select.select([child.stdout], [], [], ANSWER_TIMEOUT_S)[0]:
            self._end()
            return Outcome("died", f"gives no answer within {ANSWER_TIMEOUT_S:g} s")
        line = child.stdout.readline()
        if not line.endswith(b"\n"):
            with suppress(
                subprocess.TimeoutExpired
            ):  # a module that calls `exit` closes its pipe a while before its end
                child.wait(END_TIMEOUT_S)
            return Outcome("died", _how_it_ended(self._end()))
        state, text, *trace = json.loads(line)
        if state == "failed":
            error = RuntimeError(text)
            error.add_note(*trace)
            raise error
        return Outcome(state, text)

    def _end(self) -> int:
        """Kill the child, if it is not dead; its status."""
        child, self._child = self._child, None
        if child is None:
            return 0
        with child:
            child.kill()  # nothing of its is worth an orderly end, which a broken runtime may not come to
        return child.returncode

    def __enter__(self) -> Self:
        """Nothing to do: the child starts when it is asked."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the child."""
        self._end()


def attempt(*job: str) -> Outcome:
    """Have one job done in a child of its own."""
    with Aside() as aside:
        return aside.ask(*job)


def _start() -> subprocess.Popen[bytes]:
    argv = [sys.executable, "-c", BOOT, *sys.path]
    # Without buffers, since `select` sees only what no buffer has taken.
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)


def _how_it_ended(status: int) -> str:
    if status >= 0:
        return f"ends its process with status {status}"
    with suppress(ValueError):  # a real-time signal has no name
        number = signal.Signals(-status)
        return f"is killed by {number.name} ({(signal.strsignal(number) or 'unknown').lower()})"
    return f"is killed by signal {-status}"
