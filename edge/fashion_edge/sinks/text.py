"""How far a run has come, on one line of the terminal, for a source that ends."""

import sys
import time
from collections.abc import Callable

import click

from fashion_edge.console import printable, say
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sources import Source


class TextSink(Sink):
    """`photo.jpg: red dress (dress 0.99, red 1.00)`; faults and events go to standard error."""

    name = "standard output"
    speaks = True

    def __init__(self, *, still: bool, quiet: bool = False) -> None:
        self._still = still
        self._quiet = quiet  # standard output carries something else
        self._last: str | None = None

    def put(self, result: Result) -> None:
        """Print a still, or what a live source shows now if that is new."""
        text = result.decision.text
        if self._quiet or (text == self._last and not self._still):
            return
        self._last = text
        scores = result.smoothed
        shown = ", ".join(f"{label} {scores[label]:.2f}" for label in result.labels)
        where = result.frame.source if self._still else f"{result.frame.source} frame {result.frame.index}"
        line = f"{where}: {text}" + (f" ({shown})" if shown else "")
        click.echo(printable(line))

    def fault(self, fault: Fault) -> None:
        """Name the file and the reason."""
        say(fault.reason)

    def event(self, event: Event) -> None:
        """Say that the source went or came back; of a sink that failed it was said where it was dropped."""
        if event.state != "failed":
            say(f"{event.source} {event.state}: {event.detail}")


REFRESH_S = 0.5


class ProgressSink(Sink):
    """Counts frames on the redrawn progress line. It comes before sinks that print, and makes room for them.

    Labels that are new are printed to standard output, which `shared` says is the same terminal.
    """

    name = "progress"

    def __init__(self, total: int | None, *, shared: bool, clock: Callable[[], float] = time.monotonic) -> None:
        from fashion_edge.progress import Progress

        self._total = total  # frames; None where it is not known
        self._shared = shared
        self._clock = clock
        self._started = self._shown = clock()
        self._done = 0
        self._text: str | None = None
        self._progress = Progress()

    def put(self, result: Result) -> None:
        """Count a labelled frame."""
        self._done += 1
        if self._shared and result.decision.text != self._text:
            self._text = result.decision.text
            self._progress.close()
        else:
            self.show(self._done)

    def fault(self, _: Fault) -> None:
        """Count an input that could not be read; its reason is about to be printed."""
        self._done += 1
        self._progress.close()

    def event(self, _: Event) -> None:
        """Make room for what is about to be printed."""
        self._progress.close()

    def close(self) -> None:
        """Erase the line."""
        self._progress.close()

    def show(self, done: int) -> None:
        """Show the number of frames and their rate, if the line is half a second old."""
        now = self._clock()
        if now - self._shown >= REFRESH_S:
            self._shown = now
            total = self._total if self._total is None or done <= self._total else None  # containers estimate it
            self._progress.update(f"{done / (now - self._started):.3g} frames/s", done, total)


def make_progress(source: Source, limit: int | None) -> ProgressSink | None:
    """For a source that ends, after `limit` frames at the latest; None where standard error is not a terminal."""
    if not (source.prefetch and sys.stderr.isatty()):
        return None
    known = [n for n in (limit, source.length) if n is not None]
    return ProgressSink(min(known, default=None), shared=sys.stdout.isatty())
