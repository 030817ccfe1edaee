"""One line of progress on a terminal; on a pipe only finished lines."""

import sys
import time
from contextlib import suppress

REFRESH = 0.2  # seconds


class Progress:
    """Rewrites one line of standard error while it is a terminal; what a terminal that went away misses is lost."""

    def __init__(self) -> None:
        self._terminal = sys.stderr.isatty()
        self._shown = 0.0
        self._dirty = False

    def update(self, what: str, done: int, total: int) -> None:
        """Show `what: done/total`, at most five times a second."""
        now = time.monotonic()
        if self._terminal and (now - self._shown > REFRESH or done == total):
            _write(f"\r\x1b[K{what}: {done}/{total}")
            self._shown, self._dirty = now, True

    def line(self, text: str) -> None:
        """Print a finished line in place of the moving one."""
        self.close()
        _write(text + "\n")

    def close(self) -> None:
        """Clear the moving line."""
        if self._dirty:
            _write("\r\x1b[K")
            self._dirty = False


def _write(text: str) -> None:
    with suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()


def clock(seconds: float) -> str:
    """`95` -> `1 min 35 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
