"""Words for a person at a terminal: each still, and each change of what a live source shows."""

import click

from fashion_edge.console import printable, say
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink


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
