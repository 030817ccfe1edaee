"""What the command lines share: option types, signals, errors as one sentence, exit statuses."""

import errno
import io
import math
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from fashion_edge.console import say
from fashion_edge.errors import FashionError

Command = TypeVar("Command", bound=Callable[..., Any])
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a line break among them: what is printed of a text stays one line


class Text(click.ParamType):  # type: ignore[type-arg]  # older click has no type arguments
    """Words on one line; an empty one was never set, and one that is no UTF-8 makes OpenCV crash: both are refused."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The words as they are."""
        if value == "":
            self.fail("it is empty; give it a value, or leave the flag out", param, ctx)
        try:
            str(value).encode()
        except UnicodeEncodeError:
            told = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            self.fail(f"{told} is no UTF-8; rename the file", param, ctx)
        if CONTROL.search(str(value)):
            self.fail(f"{str(value)!r} holds a line break or another control character; take it out", param, ctx)
        return value


class Location(Text):
    """A path that is not empty."""

    name = "path"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path."""
        return Path(super().convert(value, param, ctx))


class Number(click.FloatRange):
    """A number within a range; nan is in none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is no finite number; give one such as 10 or 0.5", param, ctx)
        return number


TEXT, PATH = Text(), Location()


def version_flag(command: Command) -> Command:
    """Add `--version`; click's own decorator remembers the name of the first command that it was used for."""
    return click.version_option(package_name="fashion-edge", message="%(prog)s %(version)s")(command)


INTERRUPTED = 130  # 128 + SIGINT, as shells have it


EXTRA = re.compile(r"Got unexpected extra argument(?P<many>s?) \((?P<words>.*)\)")


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # such an error names no file that is open, nor standard output


def run_command(command: click.Command, argv: Sequence[str] | None) -> int:
    """Run a click command and return its exit status; every expected error becomes one sentence.

    With `--debug` anywhere on the command line the traceback is shown instead; the status is the same. A standard
    stream that was closed before the start behaves as /dev/null.
    """
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as standard error has it: no label is lost to a locale
    try:
        return _run(command, argv)
    finally:
        _flush()


def _open_closed_streams() -> None:
    """Files that are opened later would otherwise get the numbers 0, 1 and 2, and be written to as if they were these.

    Python has None for such a stream, and the lowest free number is what `open` gives.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8", errors="replace")  # noqa: SIM115  # to the end
            setattr(sys, name, stream)


def _flush() -> None:
    """What a full disk does not take is lost; Python would try again at its end, and replace the exit status by 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _run(command: click.Command, argv: Sequence[str] | None) -> int:
    args = list(sys.argv[1:] if argv is None else argv)
    name = command.name or "fashion"
    try:
        status = command.main(args=args, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        say(f"{name}: interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        say(f"{name}: {_sentence(error)}; see {name} --help")
        return 2
    except SystemExit:  # click's answer when the reader of our output went away, as `| head` does
        return 0
    except Exception as error:
        sentence, status = _judge(error)
        if "--debug" not in args:
            say(f"{name}: {sentence}")
            return status
        from traceback import format_exc

        for line in format_exc().splitlines():
            say(line)
        return status
    return int(status or 0)


def _judge(error: Exception) -> tuple[str, int]:
    """What is said of an error, and the exit status."""
    if isinstance(error, FashionError):
        return str(error), error.exit_status
    if isinstance(error, OSError) and error.filename:
        return _about_file(error), 2
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"an output cannot be written ({error.strerror}); make room, or write it elsewhere", 1
    return f"unexpected {type(error).__name__}: {error}; run it again with --debug and report the traceback", 1


def _about_file(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{error.filename} is not for this user to read or write; name another place, or mend its mode"
    return f"{error.filename} cannot be read or written ({error.strerror}); name another place"


def _how_photos_are_given(context: click.Context, extra: re.Match[str]) -> str:
    """For a command that takes them by an option, and nothing without one; a shell makes many words of `*.jpg`."""
    names = {option: param.name for param in context.command.params for option in param.opts}
    flag = next((flag for flag in ("--source", "--dataset") if flag in names), None)
    if flag is None or any(isinstance(param, click.Argument) for param in context.command.params):
        return ""
    if extra["many"] or context.params.get(names[flag]):
        return f"; several pictures are given by their folder, as {flag} FOLDER"
    from shlex import quote

    return f"; give it as {flag} {quote(extra['words'])}"


def _sentence(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None and (extra := EXTRA.match(text)):
        if extra["many"]:
            from textwrap import shorten

            text = shorten(text, 160, placeholder=" ...)")
        text += _how_photos_are_given(context, extra)
    return text.replace("a valid integer range", "a whole number").replace("a valid float range", "a number")
