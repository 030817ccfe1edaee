"""Signals that end a run: Ctrl-C, a service manager, a closed terminal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
INSISTENT = 3  # signals: so many end the program at once, before files are closed


class _Handler:
    """Turns the first signal into KeyboardInterrupt, and again from the third one on.

    A wrapper that forwards Ctrl-C sends a second signal, which must not interrupt the closing of files.
    """

    closing = False  # files

    def start(self) -> None:
        """Reset: no signal has arrived, and no file is being closed."""
        self.closing, self._came = False, 0

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

    Use it inside `signals_interrupt`; a signal after the block has no effect.
    """
    try:
        yield
    except KeyboardInterrupt:
        from fashion_edge.console import say

        say("")
    _handler.closing = True
