"""Outputs behind the loop: a thread draws and writes a frame of a file while the next is labelled; none is dropped."""

import threading
import time
from collections.abc import Callable
from functools import partial
from queue import Empty, Full, Queue

from fashion_edge.frame import Event, Fault, Tick
from fashion_edge.pipeline import draw
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

DEPTH = 3  # frames that wait: more only costs memory
POLL_S = 0.1  # lets the end of the thread through


class Behind(Sink):
    """Passes everything on to another sink in a thread of its own, in order. An error there is raised in the loop.

    Only for a sink that may be called from another thread: a window may not.
    """

    def __init__(self, sink: Sink, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = sink.name
        self._sink, self._clock = sink, clock
        self._waiting: Queue[Callable[[], None] | None] = Queue(DEPTH)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="writer", daemon=True)
        self._thread.start()

    @property
    def stopped(self) -> bool:  # type: ignore[override]
        """Whether the sink behind asks for the end."""
        return self._sink.stopped

    def put(self, result: Result) -> None:
        """Have a labelled frame drawn and written."""
        self._pass(partial(self._write, result))

    def fault(self, fault: Fault) -> None:
        """Pass on an input that could not be read."""
        self._pass(partial(self._sink.fault, fault))

    def event(self, event: Event) -> None:
        """Pass on a change of the source's state."""
        self._pass(partial(self._sink.event, event))

    def tick(self, tick: Tick) -> None:
        """Pass on that nothing came."""
        self._pass(partial(self._sink.tick, tick))

    def close(self) -> None:
        """Wait until all is written; the sink behind stays open."""
        while self._thread.is_alive():
            try:
                self._waiting.put(None, timeout=POLL_S)
                break
            except Full:
                continue
        self._thread.join()
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _pass(self, call: Callable[[], None]) -> None:
        while self._error is None:
            try:
                self._waiting.put(call, timeout=POLL_S)
            except Full:
                continue
            return
        self.close()

    def _write(self, result: Result) -> None:
        if self._sink.wants_clean:
            self._sink.put_clean(result)
        if self._sink.wants_picture:
            result = draw(result, self._clock)
        self._sink.put(result)

    def _work(self) -> None:
        try:
            while (call := self._waiting.get()) is not None:
                call()
        except BaseException as error:  # handed to the loop
            self._error = error
            while True:  # what waits is of no use any more; a loop that waits for room must go on
                try:
                    self._waiting.get_nowait()
                except Empty:
                    return
