"""Signals that end a run: Ctrl-C, a service manager, a closed terminal."""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP
INSISTENT = 3  # signals: so many end the program at once, before files are closed
REACT_S = 1.5  # for the main thread to see a signal: a slow SD card may stall it as well
CLOSE_S = 1.0  # for the outputs to close without it
STUCK = 1  # exit status: the frame that was at work has no result


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
def ended_by_signals(close: Callable[[], None] = lambda: None) -> Iterator[None]:
    """The first signal ends this block, not the program: files are closed after it and the summary printed.

    Use it inside `signals_interrupt`; a signal after the block has no effect.

    Args:
        close: closes the outputs, from another thread, where native code keeps the main thread from seeing the signal.
    """
    try:
        with _watched(close):
            yield
    except KeyboardInterrupt:
        from fashion_edge.console import say

        say("")
    _handler.closing = True


@contextmanager
def _watched(close: Callable[[], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting, written = socket.socketpair()
    ended = threading.Event()
    with waiting, written:
        written.setblocking(False)
        before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
        watch = threading.Thread(target=_end_if_stuck, args=(waiting, ended, close), daemon=True)
        watch.start()
        try:
            yield
        finally:
            ended.set()
            signal.set_wakeup_fd(before)
            written.shutdown(socket.SHUT_WR)
            watch.join()


def _end_if_stuck(signals: socket.socket, ended: threading.Event, close: Callable[[], None]) -> None:
    """End the process if a signal came and the main thread, in native code that never returns, does not see it.

    LiteRT and ONNX Runtime release the interpreter lock while they run a model, so this thread can run.
    """
    if not signals.recv(1):  # the block has ended
        return
    if ended.wait(REACT_S) or _handler.closing:
        return
    from fashion_edge.console import say

    say("the model or a driver does not return, so the program ends without it")
    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(CLOSE_S)
    os._exit(STUCK)
