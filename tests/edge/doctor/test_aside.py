"""What takes its process with it takes only the child, and is told."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from fashion_edge.defaults import SHIPPED_BUNDLE
from fashion_edge.doctor import isolated
from fashion_edge.doctor.isolated import Aside, Outcome, attempt

Write = Callable[[str, str], str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Write a module that can be imported; its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def put(name: str, code: str) -> str:
        (tmp_path / f"{name}.py").write_text(code)
        return name

    return put


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("os.kill(os.getpid(), signal.SIGILL)", "is killed by SIGILL (illegal instruction)"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "is killed by SIGSEGV (segmentation fault)"),
        ("os.abort()", "is killed by SIGABRT (aborted)"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 1)", f"is killed by signal {signal.SIGRTMIN + 1}"),
        ("os._exit(3)", "ends its process with status 3"),
        ("sys.exit(0)", "ends its process with status 0"),
    ],
)
def test_a_death_is_told_and_the_next_job_is_done(write: Write, code: str, told: str) -> None:
    deadly = write("deadly", f"import os, signal, sys\n{code}\n")
    with Aside() as beside:
        assert beside.ask("load", "json") == Outcome("done")
        assert beside.ask("load", deadly) == Outcome("died", told)
        assert beside.ask("load", "json") == Outcome("done")


def test_what_gives_no_answer_is_told_and_ended(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated, "ANSWER_TIMEOUT_S", 0.5)
    assert attempt("load", write("endless", "import time\ntime.sleep(99)\n")).text == "gives no answer within 0.5 s"


def test_one_child_does_all_jobs_and_ends_with_the_block(write: Write, tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(name, f"import os\nopen({str(tmp_path / name)!r}, 'w').write(str(os.getpid()))\n")
    with Aside() as beside:
        assert {beside.ask("load", name).state for name in ("one", "two")} == {"done"}
    pids = {int((tmp_path / name).read_text()) for name in ("one", "two")}
    assert len(pids) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pids.pop(), 0)


def test_what_a_module_prints_is_no_answer_and_what_it_raises_is_one(write: Write) -> None:
    assert attempt("load", write("chatty", "import os\nprint('x')\nos.write(1, b'y\\n')\n")) == Outcome("done")
    refused = attempt("load", write("picky", "raise AttributeError('no\\n_ARRAY_API')\n"))
    assert refused == Outcome("refused", "AttributeError: no _ARRAY_API")
    assert attempt("load", "no_such_module").text == "ModuleNotFoundError: No module named 'no_such_module'"


def test_a_job_that_fails_unforeseen_keeps_its_traceback() -> None:
    with pytest.raises(RuntimeError, match="StopIteration") as caught:
        attempt("replay", str(SHIPPED_BUNDLE), "model.none")
    assert "in replay" in caught.value.__notes__[0]
