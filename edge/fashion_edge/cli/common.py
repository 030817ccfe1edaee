"""Shared by all commands: option types, option groups, errors as one sentence, exit statuses."""

import errno
import io
import math
import os
import re
import shlex
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import field, fields
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from fashion_edge import __version__
from fashion_edge.console import say
from fashion_edge.defaults import SOURCE_VARIABLE
from fashion_edge.errors import MAX_MESSAGE, FashionError, printable
from fashion_edge.redact import redact, redact_text

Command = TypeVar("Command", bound=Callable[..., Any])
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # line breaks among them: messages stay on one line


class Text(click.ParamType):  # type: ignore[type-arg]  # older click has no type arguments
    """A non-empty text on one line; bytes that are not UTF-8 crash OpenCV, so they are refused too."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the text unchanged."""
        if value == "":
            self.fail("it is empty; give it a value, or leave the flag out", param, ctx)
        try:
            str(value).encode()
        except UnicodeEncodeError:
            shown = str(value).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
            self.fail(f"{redact(shown)} is not UTF-8; rename the file", param, ctx)
        if CONTROL.search(str(value)):
            self.fail(
                f"{redact(str(value))!r} contains a line break or another control character; remove it", param, ctx
            )
        return value


class PathType(Text):
    """A path that is not empty; `name` is what `--help` shows: FILE or DIR."""

    def __init__(self, name: str) -> None:
        self.name = name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        return Path(super().convert(value, param, ctx))


class Number(click.FloatRange):
    """A finite number within a range; `unit` is what `--help` shows: SECONDS, MB, PERCENT."""

    name = "number"

    def __init__(self, least: float | None = None, most: float | None = None, *, unit: str = "", above: bool = False):
        super().__init__(least, most, min_open=above)
        self._unit = unit or None

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:  # noqa: ARG002
        """Return the unit."""
        return self._unit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the number."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number; give one such as 10 or 0.5", param, ctx)
        return number


TEXT, FILE, DIR, FILE_OR_DIR = Text(), PathType("FILE"), PathType("DIR"), PathType("PATH")
SECONDS = Number(0, unit="SECONDS", above=True)
MEGABYTES = Number(1, 1_000_000, unit="MB")
EXIT_STATUSES = """\b
Exit status:
  0  done
  1  it ran, but some input could not be read or an output failed
  2  usage or input error
  3  a check failed: parity, regression, replay
  130  interrupted
"""


def group(title: str, *decorators: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Add options to a command's function, under a title of their own in `--help`.

    Example:
        >>> @click.command(cls=GroupedCommand)
        ... @group("Source", click.option("--source", type=TEXT), click.option("--fps", type=Number(1, 120)))
        ... def command(source: str, fps: float) -> None: ...
    """

    def decorate(function: Any) -> Any:
        titles: dict[str, str] = getattr(function, "titles", {})
        for decorator in reversed(decorators):
            function = decorator(function)
            titles[function.__click_params__[-1].name] = title
        function.titles = titles
        return function

    return decorate


def option(kind: Any, text: str, default: Any = None, name: str = "", **more: Any) -> dict[str, Any]:
    """Describe an option for `flags`.

    Args:
        kind: click's type of the value; `bool` for a flag without a value.
        text: help text.
        default: value where the option is not given; it is shown in `--help`.
        name: the option, such as `--all`, where it is not named like its parameter.
        more: further arguments of `click.option`.
    """
    if kind is bool:
        return {"name": name, "is_flag": True, "help": text}
    given = {} if default is None else {"default": default, "show_default": default != ()}
    return {"name": name, "type": kind, "help": text, **given, **more}


def flags(title: str, defaults: type[Any] | None = None, /, **options: dict[str, Any]) -> Callable[[Any], Any]:
    """Add options by the names of their parameters, as `group` does; a dataclass may give their defaults.

    Example:
        >>> @click.command(cls=GroupedCommand)
        ... @flags("Timing", Timing, rounds=option(click.IntRange(1), "Rounds."), seed=option(int, "Random seed."))
        ... def command(rounds: int, seed: int) -> None: ...
    """
    decorators = []
    for parameter, arguments in options.items():
        value = getattr(defaults, parameter, None)
        given = {} if value is None else {"default": value, "show_default": True}
        more = {key: argument for key, argument in arguments.items() if key != "name"}
        name = arguments["name"] or "--" + parameter.replace("_", "-")
        decorators.append(click.option(name, parameter, **given | more))
    return group(title, *decorators)


def flag(kind: Any, text: str, default: Any = None, title: str = "", **more: Any) -> Any:
    """Declare a dataclass field that is an option, see `option`; `title` begins a new group of `--help`."""
    metadata = {"title": title, "option": option(kind, text, default, **more)}
    return field(default=False if kind is bool else default, metadata=metadata)


def add_flags(kind: type[Any]) -> Callable[[Any], Any]:
    """Add an option for every field of a dataclass, all of them declared by `flag`."""
    groups: dict[str, dict[str, Any]] = {}
    title = ""
    for one in fields(kind):
        title = one.metadata["title"] or title
        groups.setdefault(title, {})[one.name] = one.metadata["option"]

    def decorate(function: Any) -> Any:
        for title in reversed(groups):
            function = flags(title, **groups[title])(function)
        return function

    return decorate


ARGV = "fashion_edge.argv"


class GroupedCommand(click.Command):
    """A command whose `--help` lists its options group by group, in the order of the groups."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse, and keep the arguments as they were given."""
        ctx.meta[ARGV] = list(args)
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write one section for each group, then the rest."""
        titles: dict[str, str] = getattr(self.callback, "titles", {})
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record and isinstance(param, click.Option):  # arguments are in the usage line
                sections.setdefault(titles.get(param.name or "", "Other"), []).append(record)
        for title in sorted(sections, key="Other".__eq__):
            with formatter.section(title):
                formatter.write_dl(sections[title])


def command_line() -> str:
    """The command with its arguments, for reports."""
    context = click.get_current_context()
    return shlex.join([context.command.name or "", *context.meta[ARGV]])


def given_options(ctx: click.Context) -> list[click.Option]:
    """Return the options that were given on the command line."""
    options = (param for param in ctx.command.params if isinstance(param, click.Option))
    return [one for one in options if ctx.get_parameter_source(one.name or "") is ParameterSource.COMMANDLINE]


def given_flags(ctx: click.Context, leave_out: Collection[str]) -> list[str]:
    """Return the options that were given, as arguments."""
    args: list[str] = []
    for given in given_options(ctx):
        value = ctx.params[given.name or ""]
        if given.name in leave_out:
            continue
        if given.is_flag:
            args.append(given.opts[0])
        else:
            args += [word for one in (value if given.multiple else [value]) for word in (given.opts[0], str(one))]
    return args


def version_flag(command: Command) -> Command:
    """Add `--version`; click's own decorator remembers the name of the first command that it was used for."""
    return click.version_option(__version__, message="%(prog)s %(version)s")(command)


INTERRUPTED = 130  # 128 + SIGINT, as in shells


EXTRA = re.compile(r"Got unexpected extra argument(?P<many>s?) \((?P<words>.*)\)")


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)  # such errors do not name the file


def run_command(command: click.Command, argv: Sequence[str] | None, renamed: Mapping[str, str] | None = None) -> int:
    """Run a click command and return its exit status; every expected error becomes one sentence.

    Options in `renamed`, old name to new, still work for one release and print a warning.

    With `--debug` anywhere on the command line the traceback is shown instead; the status is the same. A standard
    stream that was closed before the start behaves as /dev/null.
    """
    _open_closed_streams()
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # as for standard error: labels print in any locale
    try:
        args = list(sys.argv[1:] if argv is None else argv)
        return _run(command, [_new_name(arg, renamed or {}) for arg in args])
    finally:
        _flush()


def _open_closed_streams() -> None:
    """Open /dev/null in place of closed standard streams, which are None in Python.

    Otherwise the next files would get the descriptors 0, 1 and 2, and receive what is printed.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8", errors="replace")  # noqa: SIM115  # to the end
            setattr(sys, name, stream)


def _flush() -> None:
    """Flush, and drop what a full disk refuses; Python would try again at exit and replace the exit status by 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


def _new_name(arg: str, renamed: Mapping[str, str]) -> str:
    name, equals, value = arg.partition("=")
    if name not in renamed:
        return arg
    say(f"{name} is now called {renamed[name]}; the old name will be removed in the next release")
    return renamed[name] + equals + value


def _run(command: click.Command, args: list[str]) -> int:
    name = command.name or "fashion"
    values = [arg.partition("=")[2] if arg.startswith("--") else arg for arg in args]

    def report(text: str) -> None:
        say(printable(redact_text(text, [*values, os.environ.get(SOURCE_VARIABLE, "")]), MAX_MESSAGE))

    try:
        status = command.main(args=args, prog_name=name, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        say(f"{name}: interrupted")
        return INTERRUPTED
    except click.ClickException as error:
        report(f"{name}: {_sentence(error)}; see {name} --help")
        return 2
    except SystemExit:  # click ends like this when the reader of our output closed, as `| head` does
        return 0
    except Exception as error:
        sentence, status = _explain(error)
        if "--debug" not in args:
            report(f"{name}: {sentence}")
            return status
        from traceback import format_exc

        for line in format_exc().splitlines():
            report(line)
        return status
    return int(status or 0)


def _explain(error: Exception) -> tuple[str, int]:
    """Return the message for an error, and the exit status."""
    if isinstance(error, FashionError):
        return " ".join(map(str, error.args)), error.exit_status  # whole, to be redacted
    if isinstance(error, OSError) and error.filename:
        return _about_file(error), 2
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return f"an output cannot be written ({error.strerror}); free some space, or write it elsewhere", 1
    return f"unexpected {type(error).__name__}: {error}; run it again with --debug and report the traceback", 1


def _about_file(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return f"{error.filename} cannot be read or written by this user; name another place, or change its permissions"
    return f"{error.filename} cannot be read or written ({error.strerror}); name another place"


def _explain_photos(context: click.Context, extra: re.Match[str]) -> str:
    """Explain how to pass photos to a command without arguments; a shell expands `*.jpg` to many words."""
    names = {option: param.name for param in context.command.params for option in param.opts}
    flag = next((flag for flag in ("--source", "--dataset") if flag in names), None)
    if flag is None or any(isinstance(param, click.Argument) for param in context.command.params):
        return ""
    if extra["many"] or context.params.get(names[flag]):
        return f"; for several photos give their folder, as {flag} FOLDER"
    return f"; give it as {flag} {shlex.quote(extra['words'])}"


def _sentence(error: click.ClickException) -> str:
    text = " ".join(error.format_message().split()).rstrip(".")
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is not None and (extra := EXTRA.match(text)):
        if extra["many"]:
            from textwrap import shorten

            text = shorten(text, 160, placeholder=" ...)")
        text += _explain_photos(context, extra)
    return text.replace("a valid integer range", "a whole number")
