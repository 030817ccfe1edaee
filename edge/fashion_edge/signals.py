"""How a run is told to end from outside: Ctrl-C, a service manager, a terminal that goes away."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fashion_edge.console import say

ENDING = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP end the block, not the program: files are closed and the summary printed.

    A signal that the program was started to ignore, as `nohup` does, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        say("")
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
