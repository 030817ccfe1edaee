import os
import signal
from collections.abc import Callable
from contextlib import closing

import pytest

from fashion_edge import isolated
from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_edge.isolated import IsolatedProcess, JobResult

Write = Callable[[str, str], str]


@pytest.fixture
def process():
    with closing(IsolatedProcess()) as running:
        yield running


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write a module that can be imported; returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name, code):
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return put


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("os.kill(os.getpid(), signal.SIGILL)", "is killed by SIGILL (illegal instruction)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "is killed by SIGSEGV (segmentation fault)"),
        ("os.abort()", "is killed by SIGABRT (aborted)"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 1)", f"is killed by signal {signal.SIGRTMIN + 1}"),
        ("os._exit(3)", "ends its process with status 3"),
        ("sys.exit(0)", "ends its process with status 0"),
    ],
)
def test_crash_is_described_and_the_next_job_runs(process, write, code, expected):
    crashing = write("crashing", f"import os, signal, sys\n{code}\n")
    assert process.run("load", "json") == JobResult("done")
    assert process.run("load", crashing) == JobResult("crashed", expected)
    assert process.run("load", "json") == JobResult("done")


def test_job_without_an_answer_is_ended(process, write, monkeypatch):
    endless = write("endless", "import time\ntime.sleep(99)\n")
    process.run("load", "json")  # starting takes longer than the limit below
    monkeypatch.setattr(isolated, "ANSWER_TIMEOUT_S", 0.5)
    assert process.run("load", endless) == JobResult("crashed", "gives no answer within 0.5 s")


def test_one_subprocess_runs_all_jobs_and_ends_with_close(process, write, tmp_path):
    for name in ("one", "two"):
        write(name, f"import os\nopen({str(tmp_path / name)!r}, 'w').write(str(os.getpid()))\n")
    assert {process.run("load", name).state for name in ("one", "two")} == {"done"}
    process.close()
    pids = {int((tmp_path / name).read_text()) for name in ("one", "two")}
    assert len(pids) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


def test_output_of_a_module_is_not_a_result_and_its_exception_is(process, write):
    assert process.run("load", write("chatty", "import os\nprint('x')\nos.write(1, b'y\\n')\n")) == JobResult("done")
    broken = write("broken", "raise AttributeError('no\\n_ARRAY_API')\n")
    assert process.run("load", broken) == JobResult("failed", "AttributeError: no _ARRAY_API")
    assert process.run("load", "no_such_module").text == "ModuleNotFoundError: No module named 'no_such_module'"


def test_unexpected_exception_keeps_its_traceback(process):
    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        process.run("replay", str(SHIPPED_BUNDLE), "model.none")
    assert "in replay" in caught.value.__notes__[0]


def test_a_job_that_fails_leaves_no_timer_behind():
    with pytest.raises(ValueError, match="damaged"), isolated.ended_after(100):
        raise ValueError("damaged")
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0
