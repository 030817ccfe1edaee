"""What the command is doing now, on standard error: a line when a step begins, its seconds when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import click

from fashion_edge.console import say, suppress_output


@dataclass(frozen=True)
class Progress:
    """Announces and times steps; libraries are hushed inside unless `debug`."""

    debug: bool = False

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print `text` at once, and the seconds behind it when the block ends."""
        with suppress(OSError):  # as `say` does: the work goes on
            click.echo(f"{text} ... ", nl=self.debug, err=True)
        begin = time.perf_counter()
        try:
            with suppress_output(enabled=not self.debug):
                yield
        except BaseException:
            say("failed")
            raise
        say(f"{time.perf_counter() - begin:.1f} s")

    def say(self, text: str) -> None:
        """Print a line."""
        say(text)
