"""How the command is told to end from outside: Ctrl-C, a service manager, a terminal that goes away."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
INSISTENT = 3  # signals: who sends so many waits no longer for files to be closed


class _Handler:
    """Turns the first signal into KeyboardInterrupt, and no other before a person insists.

    A wrapper that passes Ctrl-C on sends a second one, which may not break files that are just being closed.
    """

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Nothing has come yet, and nothing is being closed."""
        self.closing = False
        self._came = 0

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        self._came += 1
        if self._came >= INSISTENT or not self.closing:
            self.closing = True
            raise KeyboardInterrupt


_handler = _Handler()


@contextmanager
def signals_interrupt() -> Iterator[None]:
    """Let Ctrl-C, SIGTERM and SIGHUP raise KeyboardInterrupt in the block: the first one, and from the third one on.

    A signal that the program was started to ignore, as `nohup` does, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: handler for number in numbers if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    _handler.start()
    for number in before:
        signal.signal(number, _handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """The first signal ends this block, not the program: files are closed after it and the summary printed.

    Stands inside of `signals_interrupt`; behind the block a signal is too late to end anything.
    """
    try:
        yield
    except KeyboardInterrupt:
        from fashion_edge.console import say

        say("")
    _handler.closing = True
