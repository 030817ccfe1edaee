"""One line of progress on a terminal; on a pipe only finished lines."""

import sys
import time

from fashion_edge.console import moving_line, say

REFRESH = 0.2  # seconds


class Progress:
    """Rewrites one line of standard error while it is a terminal; what a terminal that went away misses is lost."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = 0.0

    def update(self, what: str, done: int, total: int) -> None:
        """Show `what: done/total`, at most five times a second."""
        now = time.monotonic()
        if self._terminal and (now - self._shown > REFRESH or done == total):
            moving_line.show(f"{what}: {done}/{total}")
            self._shown = now

    def line(self, text: str) -> None:
        """Print a finished line in place of the moving one."""
        say(text)

    def close(self) -> None:
        """Clear the moving line."""
        moving_line.clear()


def clock(seconds: float) -> str:
    """`95` -> `1 min 35 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
