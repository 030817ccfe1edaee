"""What the command is doing now, on standard error: a line when a step begins, its seconds when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import click

from fashion_edge.hush import hush


@dataclass(frozen=True)
class Progress:
    """Announces and times steps; libraries are hushed inside unless `debug`."""

    debug: bool = False

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """Print `text` at once, and the seconds behind it when the block ends."""
        click.echo(f"{text} ... ", nl=self.debug, err=True)
        begin = time.perf_counter()
        try:
            with hush(enabled=not self.debug):
                yield
        except BaseException:
            click.echo("failed", err=True)
            raise
        click.echo(f"{time.perf_counter() - begin:.1f} s", err=True)

    def say(self, text: str) -> None:
        """Print a line."""
        click.echo(text, err=True)
