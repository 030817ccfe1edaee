"""The interface of a sink, and the fan-out: a sink that fails is reported once, closed and left out."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Self

from fashion_edge.console import say
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault, Item, Tick
from fashion_edge.result import Result


class Sink:
    """Takes results; a context manager that finishes its files at the end. The base class does nothing."""

    name = "a sink"  # for messages: its flag
    wants_picture = False  # whether frames must be annotated before `put`
    wants_clean = False  # whether `put_clean` gets each frame before it is annotated
    speaks = False  # on standard output: the run ends when the reader closes it
    stopped = False  # set by a sink to end the run
    output: str | None = None  # where the output is, for the end of the run
    notices: deque[Event] | None = None  # events of the sink itself: "failed" or "restored"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def put_clean(self, result: Result) -> None:
        """Take a labelled frame that is not annotated yet; keep no reference to its image."""

    def put(self, result: Result) -> None:
        """Take a labelled frame."""

    def fault(self, fault: Fault) -> None:
        """Take an input that could not be read."""

    def event(self, event: Event) -> None:
        """Take a change of the source's state, or the failure of another sink."""

    def tick(self, tick: Tick) -> None:
        """Nothing came for a moment: keep a window or a watchdog alive."""

    def close(self) -> None:
        """Finish the output."""


class FanOut(Sink):
    """Passes everything on to each of its sinks, and closes them. A failing sink does not end the run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures: list[str] = []  # one sentence each
        self.outputs: list[str] = []  # where the closed sinks wrote
        self._sinks: tuple[Sink, ...] = ()
        self._clock = clock

    def add(self, sink: Sink) -> None:
        """Append a sink, which is closed with the others."""
        self._sinks = (*self._sinks, sink)
        self.wants_picture |= sink.wants_picture
        self.wants_clean |= sink.wants_clean

    def put_clean(self, result: Result) -> None:
        """Pass a frame on to the sinks that want it before it is annotated."""
        self._pass_on("put_clean", result)

    def put(self, result: Result) -> None:
        """Pass on a labelled frame."""
        self._pass_on("put", result)

    def fault(self, fault: Fault) -> None:
        """Pass on an input that could not be read."""
        self._pass_on("fault", fault)

    def event(self, event: Event) -> None:
        """Pass on a change of the source's state."""
        self._pass_on("event", event)

    def tick(self, tick: Tick) -> None:
        """Pass on that nothing came."""
        self._pass_on("tick", tick)

    def close(self) -> None:
        """Close the sinks, the last first; one that cannot finish its output counts as failed."""
        while self._sinks:
            sink, self._sinks = self._sinks[-1], self._sinks[:-1]
            try:
                sink.close()
                self.outputs[:0] = [sink.output] if sink.output else []
            except Exception as error:  # whatever it is, the others must be closed
                self._report(sink, error)

    def _pass_on(self, method: str, item: Item | Result) -> None:
        for sink in self._sinks:
            if method == "put_clean" and not sink.wants_clean:
                continue
            try:
                getattr(sink, method)(item)
            except UsageError:  # it could not have worked at all
                raise
            except Exception as error:  # a sink's libraries may raise anything, which must not end the loop
                if sink.speaks and isinstance(error, BrokenPipeError):
                    raise  # standard output was closed, as `| head` does
                self._drop(sink, error)
        self._update()

    def _update(self) -> None:
        """Pass on the notices of the sinks, and combine their flags: in one loop, since it runs after every frame."""
        picture = clean = stopped = False
        for sink in self._sinks:
            picture, clean, stopped = picture or sink.wants_picture, clean or sink.wants_clean, stopped or sink.stopped
            while sink.notices:
                notice = sink.notices.popleft()
                if notice.state == "failed":
                    say(f"{notice.source} failed: {notice.detail}")
                self.event(notice)
        self.wants_picture, self.wants_clean, self.stopped = picture, clean, stopped

    def _drop(self, sink: Sink, error: Exception) -> None:
        if sink not in self._sinks:
            return  # it failed again, on the event of another's failure
        self._sinks = tuple(other for other in self._sinks if other is not sink)
        with suppress(Exception):  # its failure is reported below
            sink.close()
        self._report(sink, error)

    def _report(self, sink: Sink, error: Exception) -> None:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        self.failures.append(f"{sink.name} failed: {reason}; it is left out from here on")
        say(self.failures[-1])
        self.event(Event(sink.name, "failed", self._clock(), reason))
