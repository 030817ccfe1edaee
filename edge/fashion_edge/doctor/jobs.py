"""What is done in the child of `aside`, since it may kill: JSON lines on standard input, one line out for each."""

import json
import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from fashion_edge.doctor.machine import REASON
from fashion_edge.errors import brief

Answer = tuple[str, ...]  # state and text of an `aside.Outcome`; or "failed", why, and the traceback


def load(module: str) -> Answer:
    """Import a module; whatever it raises, it cannot be imported."""
    try:
        import_module(module)
    except Exception as error:
        return "refused", _sentence(error)
    return "done", ""


def replay(folder: str, file: str) -> Answer:
    """Replay the golden frames on one variant of a bundle; the text is the largest difference."""
    from fashion_edge.backends import open_backend
    from fashion_edge.bundle import load_bundle
    from fashion_edge.errors import FashionError, MissingExtraError
    from fashion_edge.golden import self_check

    try:
        bundle = load_bundle(Path(folder))
        variant = next(variant for variant in bundle.manifest.variants if variant.file == file)
        drift = self_check(bundle, variant, open_backend(bundle, variant))
    except MissingExtraError as error:
        return "missing", str(error)
    except FashionError as error:
        return "refused", str(error)
    return "done", f"{drift:.4f}"


JOBS: dict[str, Callable[..., Answer]] = {"load": load, "replay": replay}


def serve() -> None:
    """Do one job a line until there are no more."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # of Ctrl-C the doctor speaks, once
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # and where the doctor is gone, nobody is to be told
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # the doctor changes nothing, so a death leaves no core file
    replies = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what a runtime prints is no reply
    for line in sys.stdin:
        name, *arguments = json.loads(line)
        try:
            answer = JOBS[name](*arguments)
        except Exception as error:
            answer = "failed", _sentence(error), traceback.format_exc()
        print(json.dumps(answer), file=replies, flush=True)


def _sentence(error: Exception) -> str:
    return f"{type(error).__name__}: {brief(error, REASON)}"
