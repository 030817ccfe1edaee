"""The terminal: messages to standard error, errors as one sentence, exit statuses."""

import sys
from collections.abc import Sequence

import click

from fashion_edge.errors import FashionError

INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def say(message: str) -> None:
    """Print a message for a person; standard output carries data only."""
    click.echo(message, err=True)


def run_command(command: click.Command, argv: Sequence[str] | None) -> int:
    """Run a click command and return its exit status; every expected error becomes one sentence.

    With `--debug` anywhere on the command line the traceback is shown instead.
    """
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
    except FashionError as error:
        if "--debug" in args:
            raise
        say(f"{name}: {error}")
        return error.exit_status
    except SystemExit:  # click's answer when the reader of our output went away, as `| head` does
        return 0
    except Exception as error:
        if "--debug" in args:
            raise
        if isinstance(error, OSError) and error.filename:
            say(f"{name}: {_about_file(error)}")
            return 2
        say(f"{name}: unexpected {type(error).__name__}: {error}; run it again with --debug and report the traceback")
        return 1
    return int(status or 0)


def _about_file(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{error.filename} is not for this user to read or write; name another place, or mend its mode"
    return f"{error.filename} cannot be read or written ({error.strerror}); name another place"


def _sentence(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    return text.replace("a valid integer range", "a whole number").replace("a valid float range", "a number")
