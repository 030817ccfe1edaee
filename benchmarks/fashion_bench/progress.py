"""How far it is, on standard error: a bar on a terminal, a line now and then elsewhere."""

import time
from contextlib import suppress
from types import TracebackType
from typing import Self

from fashion_edge.console import say

QUIET_SECONDS = 10.0  # between two lines where standard error is no terminal


class Progress:
    """`update(done, total, what)`; a context manager."""

    def __init__(self) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        from fashion_edge.rich_console import SteadyConsole

        self._console = SteadyConsole(stderr=True)
        columns = BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}")
        # no refreshing thread: it would take processor time from what is measured
        self._bar = Bar(
            *columns,
            console=self._console,
            transient=True,
            auto_refresh=False,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("", total=None)
        self._said = time.monotonic()

    def update(self, done: int, total: int, what: str) -> None:
        """Show that `done` of `total` steps are over and `what` comes next."""
        with suppress(OSError):  # a terminal that was closed
            self._bar.update(self._task, completed=done, total=total, description=what, refresh=True)
        if not self._console.is_terminal and time.monotonic() - self._said > QUIET_SECONDS:
            say(f"fashion-bench: {done} of {total}{f', next {what}' if what else ''}")
            self._said = time.monotonic()

    def __enter__(self) -> Self:
        """Start the bar."""
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        with suppress(OSError):
            self._bar.stop()
