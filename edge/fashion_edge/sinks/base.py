"""Several sinks as one: a sink that fails is reported once, closed and left out; the rest go on."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from operator import methodcaller
from types import TracebackType
from typing import Self

from fashion_edge.console import say
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault, Tick
from fashion_edge.result import Result


class Sink:
    """Takes results; a context manager that finishes its files when it is left. Does nothing by itself."""

    name = "a sink"  # for a message: the flag that asked for it
    wants_picture = False  # whether frames must be annotated before `put`
    wants_clean = False  # whether `put_clean` sees each frame before anything is drawn on it
    speaks = False  # on standard output: when nobody reads that any more, the run ends
    stopped = False  # a sink sets it to end the run
    notices: deque[Event] | None = None  # what a sink has to say of itself: "failed" or "restored"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def put_clean(self, result: Result) -> None:
        """Take a labelled frame on which nothing is drawn yet; keep no reference to its image."""

    def put(self, result: Result) -> None:
        """Take a labelled frame."""

    def fault(self, fault: Fault) -> None:
        """Take an input that could not be read."""

    def event(self, event: Event) -> None:
        """Take a change of the source's state."""

    def tick(self, tick: Tick) -> None:
        """Nothing came for a moment: a chance to keep a window or a watchdog alive."""

    def close(self) -> None:
        """Finish what was begun."""

    def written(self) -> str | None:
        """Once closed: where the output is, for the end of the run; None where there is nothing to find."""
        return None


class FanOut(Sink):
    """Passes everything on to each of its sinks, and outlives them all; closing it closes them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures: list[str] = []  # one sentence each
        self.outputs: list[str] = []  # once closed: where each has left what it made
        self._sinks: list[Sink] = []
        self._clock = clock

    def add(self, sink: Sink) -> None:
        """Take one more, behind those that are there."""
        self._sinks.append(sink.__enter__())
        self._look()

    def put_clean(self, result: Result) -> None:
        """Show it to the sinks that want a frame before it is drawn on."""
        self._each(methodcaller("put_clean", result), lambda sink: sink.wants_clean)

    def put(self, result: Result) -> None:
        """Pass on a labelled frame."""
        self._each(methodcaller("put", result))

    def fault(self, fault: Fault) -> None:
        """Pass on an input that could not be read."""
        self._each(methodcaller("fault", fault))

    def event(self, event: Event) -> None:
        """Pass on a change of the source's state."""
        self._each(methodcaller("event", event))

    def tick(self, tick: Tick) -> None:
        """Pass on that nothing came."""
        self._each(methodcaller("tick", tick))

    def close(self) -> None:
        """Close each; one that cannot finish what it began counts as failed."""
        while self._sinks:
            sink = self._sinks.pop()
            try:
                sink.close()
                self.outputs[:0] = [words] if (words := sink.written()) else []
            except Exception as error:  # whatever it is, the others must be closed
                self._report(sink, error)

    def _each(self, call: Callable[[Sink], None], concerns: Callable[[Sink], bool] = lambda _: True) -> None:
        for sink in tuple(self._sinks):
            if not concerns(sink):
                continue
            try:
                call(sink)
            except UsageError:  # it never could have worked
                raise
            except Exception as error:  # a sink's libraries may raise anything, and the loop must not end for it
                if sink.speaks and isinstance(error, BrokenPipeError):
                    raise  # nobody reads our output any more
                self._drop(sink, error)
        self._pass_notices()
        self._look()

    def _pass_notices(self) -> None:
        """What a sink says of itself, while it mends itself, is an event for all of them."""
        for sink in tuple(self._sinks):
            while sink.notices:
                notice = sink.notices.popleft()
                if notice.state == "failed":
                    say(f"{notice.source} failed: {notice.detail}")
                self.event(notice)

    def _drop(self, sink: Sink, error: Exception) -> None:
        if sink not in self._sinks:
            return  # it failed again on hearing of another's failure
        self._sinks.remove(sink)
        with suppress(Exception):  # it has failed already: what it says now is no news
            sink.close()
        self._report(sink, error)

    def _report(self, sink: Sink, error: Exception) -> None:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error) or type(error).__name__
        self.failures.append(f"{sink.name} failed: {reason}; it is left out from here on")
        say(self.failures[-1])
        event = Event(sink.name, "failed", self._clock(), reason)
        self._each(methodcaller("event", event))

    def _look(self) -> None:
        picture = clean = stopped = False
        for sink in self._sinks:  # after every frame: three generators would take five times as long
            picture, clean, stopped = picture or sink.wants_picture, clean or sink.wants_clean, stopped or sink.stopped
        self.wants_picture, self.wants_clean, self.stopped = picture, clean, stopped
