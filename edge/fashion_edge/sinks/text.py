"""The terminal: a line per label, and the progress of a source that ends."""

import sys
import time
from collections.abc import Callable

import click

from fashion_edge.console import clear_progress, say
from fashion_edge.errors import printable
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sources import Source

REFRESH_S = 0.5


class TextSink(Sink):
    """Prints `photo.jpg: red dress (dress 0.99, red 1.00)`; faults and events go to standard error."""

    name = "standard output"
    speaks = True

    def __init__(self, *, still: bool, quiet: bool = False) -> None:
        self._still = still
        self._quiet = quiet  # standard output carries something else
        self._on_terminal = sys.stdout.isatty()  # where the progress line may be
        self._last: str | None = None

    def put(self, result: Result) -> None:
        """Print a still, or a live decision that is new."""
        text = result.decision.text
        if self._quiet or (text == self._last and not self._still):
            return
        self._last = text
        scores = result.smoothed
        shown = ", ".join(f"{label} {scores[label]:.2f}" for label in result.labels)
        where = result.frame.source if self._still else f"{result.frame.source} frame {result.frame.index}"
        if self._on_terminal:
            clear_progress()
        click.echo(printable(f"{where}: {text} ({shown})" if shown else f"{where}: {text}"))

    def fault(self, fault: Fault) -> None:
        """Print the reason."""
        if not fault.repeated:
            say(fault.reason)

    def event(self, event: Event) -> None:
        """Print that the source was lost or is back; the fan-out reports a failed sink."""
        if event.state != "failed":
            say(f"{event.source} {event.state}: {event.detail}")


class ProgressSink(Sink):
    """Shows the number of frames and their rate on the redrawn progress line."""

    name = "progress"

    def __init__(self, total: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        from fashion_edge.progress import Progress

        self._total = total  # frames; None where it is not known
        self._clock = clock
        self._started = self._shown = clock()
        self._done = 0
        self._progress = Progress()

    def put(self, _: object) -> None:
        """Count a frame; redraws the line twice a second."""
        self._done += 1
        now = self._clock()
        if now - self._shown >= REFRESH_S:
            self._shown = now
            total = self._total if self._total is None or self._done <= self._total else None  # containers estimate it
            self._progress.update(f"{self._done / (now - self._started):.3g} frames/s", self._done, total)

    def fault(self, fault: Fault) -> None:
        """Count an input that could not be read."""
        self.put(fault)

    def close(self) -> None:
        """Erase the line."""
        self._progress.close()


def make_progress_sink(source: Source, limit: int | None) -> ProgressSink | None:
    """For a source that ends, after `limit` frames at the latest; None where standard error is not a terminal."""
    if not (source.prefetch and sys.stderr.isatty()):
        return None
    known = [n for n in (limit, source.length) if n is not None]
    return ProgressSink(min(known, default=None))
