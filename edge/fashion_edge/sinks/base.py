"""What a sink is."""

from collections import deque
from types import TracebackType
from typing import Self

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
