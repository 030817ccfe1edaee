"""How far a run has come, on one line of the terminal, for a source that ends."""

import sys
import time
from collections.abc import Callable

import click

from fashion_edge.console import moving_line, printable, say
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
        scores = dict(zip(result.labels, result.smoothed, strict=True))
        shown = ", ".join(f"{label} {scores[label]:.2f}" for label in result.decision.labels)
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


class Progress(Sink):
    """Rewrites the line twice a second. As a sink it stands before those that print, and makes room for them.

    Words that are new are printed to standard output, which `shared` says is the same terminal.
    """

    name = "progress"

    def __init__(self, total: int | None, *, shared: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self._total = total  # frames; None where nobody knows
        self._shared = shared
        self._clock = clock
        self._started = self._shown = clock()
        self._done = 0
        self._text: str | None = None

    def put(self, result: Result) -> None:
        """Count a labelled frame."""
        self._done += 1
        if self._shared and result.decision.text != self._text:
            self._text = result.decision.text
            moving_line.clear()
        else:
            self.show(self._done)

    def fault(self, _: Fault) -> None:
        """Count an input that could not be read; its reason is about to be printed."""
        self._done += 1
        moving_line.clear()

    def event(self, _: Event) -> None:
        """Make room for what is about to be printed."""
        moving_line.clear()

    def close(self) -> None:
        """Wipe the line away."""
        moving_line.clear()

    def show(self, done: int) -> None:
        """Say that so many frames are done, if the line is half a second old."""
        now = self._clock()
        if now - self._shown >= REFRESH_S:
            self._shown = now
            moving_line.show(describe(done, self._total, now - self._started))


def describe(done: int, total: int | None, seconds: float) -> str:
    """`120 of 500 frames, 60 frames/s, 6 s left`; containers estimate their length, so it may turn out longer."""
    rate = done / seconds
    if total is None or done >= total:
        return f"{done} frames, {rate:.3g} frames/s"
    minutes, rest = divmod(round((total - done) / rate), 60)
    left = f"{minutes} min {rest} s" if minutes else f"{rest} s"
    return f"{done} of {total} frames, {rate:.3g} frames/s, {left} left"


def make_progress(source: Source, limit: int | None) -> Progress | None:
    """For a source that ends, after `limit` frames at the latest; None where standard error is no terminal."""
    if not (source.ahead and sys.stderr.isatty()):
        return None
    known = [n for n in (limit, source.length) if n is not None]
    return Progress(min(known, default=None), shared=sys.stdout.isatty())
