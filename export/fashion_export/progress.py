"""What the command is doing now, on standard error: a line when a step begins, its seconds when it ends."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from fashion_export.hush import hush


@contextmanager
def step(text: str, *, debug: bool = True) -> Iterator[None]:
    """Announce a step and time it; libraries are hushed inside unless `debug`."""
    click.echo(f"{text} ... ", nl=False, err=True)
    begin = time.perf_counter()
    try:
        with hush(enabled=not debug):
            yield
    except BaseException:
        click.echo("failed", err=True)
        raise
    click.echo(f"{time.perf_counter() - begin:.1f} s", err=True)
