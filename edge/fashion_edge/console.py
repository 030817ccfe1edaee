"""The terminal: messages to standard error, errors as one sentence, exit statuses."""

import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from fashion_edge.errors import printable


def pluralize(count: int, noun: str) -> str:
    """`1 photo`, `2 photos`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


@contextmanager
def suppress_output(*, enabled: bool = True) -> Iterator[None]:
    """Redirect file descriptors 1 and 2 to /dev/null while the block runs, if `enabled`."""
    if not enabled:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stdout.flush()
    with suppress(OSError):  # the message is lost
        sys.stderr.flush()
    saved = [(target, os.dup(target)) for target in (1, 2)]
    try:
        with Path(os.devnull).open("wb") as nowhere, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for target, _ in saved:
                os.dup2(nowhere.fileno(), target)
            try:
                yield
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
    finally:
        for target, copy in saved:
            os.dup2(copy, target)
            os.close(copy)


shown_progress: list[Callable[[], None]] = []  # each erases a progress line that is on the terminal now


def clear_progress() -> None:
    """Erase the progress line before anything else is printed; the next update draws it again."""
    for erase in tuple(shown_progress):
        erase()


def say(message: str) -> None:
    """Print a message to standard error; standard output carries data only.

    A message that cannot be written, as to a log on a full disk, is lost, and the program continues.
    """
    clear_progress()
    with suppress(OSError):
        click.echo(printable(message), err=True)


def describe_seconds(seconds: float) -> str:
    """`95` -> `1 min 35 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
