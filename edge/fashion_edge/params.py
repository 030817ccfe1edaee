"""What the flags of all commands share: words and paths that are not empty, numbers that are some."""

import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

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
