"""The progress display of all commands, on rich. Import it where progress is shown: rich takes a while to load."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar
from rich.text import Text

from fashion_edge.console import clear_progress, say, shown_progress, suppress_output
from fashion_edge.errors import printable

REDRAW_S = 0.2  # between two updates of the line on a terminal
LINE_S = 10.0  # between two plain lines where standard error is not a terminal


class SteadyConsole(Console):
    """A rich console that becomes silent when its reader closes, as `| head` does; rich would end the program."""

    def on_broken_pipe(self) -> None:
        """Print nothing from now on."""
        self.quiet = True

    def render_str(self, text: str, **options: Any) -> Text:
        """Render a text or a cell of a table without control characters, which files of others may contain."""
        return super().render_str("\n".join(map(printable, text.split("\n"))), **options)


class Progress:
    """One redrawn line on standard error while it is a terminal; elsewhere a plain line every ten seconds.

    Example:
        >>> with Progress("fashion-bench") as progress:
        ...     progress.update("litert int8", 3, 12)
    """

    def __init__(
        self,
        command: str = "",
        clock: Callable[[], float] = time.monotonic,
        line: Callable[[str], object] | None = None,
    ) -> None:
        """Show nothing yet.

        Args:
            command: name that begins the plain lines; without it there are none.
            clock: seconds, as `time.monotonic` gives them.
            line: called with each line that stays; nothing is drawn then.
        """
        self.quiet = True  # whether `step` suppresses what libraries print
        self._line = line
        self._console = SteadyConsole(stderr=True)
        self._command = command
        self._clock = clock
        self._bar: Bar | None = None
        self._drawn = float("-inf")
        self._said = clock()

    def update(self, text: str, done: int, total: int | None = None) -> None:
        """Show that `done` of `total` steps are over; a call within 0.2 s of the last one draws nothing."""
        now = self._clock()
        if self._line is not None:
            return
        if self._console.is_terminal:
            if now - self._drawn >= REDRAW_S or done == total:
                self._drawn = now
                self._draw(text, done, total)
        elif self._command and now - self._said > LINE_S:
            self._said = now
            say(f"{self._command}: {text}, {done}{'' if total is None else f' of {total}'}")

    def line(self, text: str) -> None:
        """Print a line that stays, above the redrawn one."""
        (self._line or say)(text)

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print `text` when the block begins, and its seconds when it ends."""
        started = self._clock()
        self.line(f"{text} ...")
        with suppress_output(enabled=self.quiet):
            yield
        self.line(f"{text}: {self._clock() - started:.1f} s")

    def close(self) -> None:
        """Erase the line."""
        if self._bar is not None:
            shown_progress.remove(self.close)
            with suppress(OSError):  # a terminal that was closed
                self._bar.stop()
            self._bar = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Erase the line."""
        self.close()

    def _draw(self, text: str, done: int, total: int | None) -> None:
        with suppress(OSError):
            if self._bar is None:
                clear_progress()
                columns = TextColumn("{task.description}"), BarColumn(20), MofNCompleteColumn(), TimeRemainingColumn()
                # no thread that redraws: it would take processor time from what is measured
                self._bar = Bar(*columns, console=self._console, transient=True, auto_refresh=False)
                self._bar.add_task("")
                shown_progress.append(self.close)
                self._bar.start()
            self._bar.update(self._bar.task_ids[0], description=text, completed=done, total=total, refresh=True)


def make_progress(shown: bool | Callable[[str], object]) -> Progress:
    """The display of a library function: on standard error if true, none if false, or each line to a function.

    Example:
        >>> with make_progress(False) as progress:
        ...     progress.line("nobody reads this")
    """
    return Progress(line=None if shown is True else shown or (lambda _text: None))
