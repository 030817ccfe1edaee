"""The terminal: messages to standard error, errors as one sentence, exit statuses."""

import errno
import io
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import click

from fashion_edge.errors import FashionError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it
CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f]")  # all but tabs
EXTRA = re.compile(r"Got unexpected extra argument(?P<many>s?) \((?P<words>.*)\)")
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)  # such an error names no file that is open, nor standard output


class MovingLine:
    """The last line of a terminal, which is rewritten as the work goes on; for the order's sake `say` clears it."""

    def __init__(self) -> None:
        self._shown = False

    def show(self, text: str) -> None:
        """Write it anew, shorter than a terminal is wide."""
        self._write(text)
        self._shown = True

    def clear(self) -> None:
        """Wipe it away, before anything else is printed."""
        if self._shown:
            self._write("")
            self._shown = False

    def _write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(f"\r\x1b[K{text}")
            sys.stderr.flush()


moving_line = MovingLine()


def say(message: str) -> None:
    """Print a message for a person; standard output carries data only.

    What cannot be written, to a log on a full disk, is lost: no work ends for it.
    """
    moving_line.clear()
    with suppress(OSError):
        click.echo(printable(message), err=True)


def printable(text: str) -> str:
    """Text on one line, its control characters spelled out: no file's name steers a terminal or adds a line."""
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


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
