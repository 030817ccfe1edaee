"""What checks read of a machine, and the findings that they return."""

import os
import platform
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from shlex import quote
from typing import Any

import msgspec

from fashion_edge.isolated import IsolatedProcess, JobResult

PROGRAMS = re.compile(r"(?<!\S)(pip|fashion-\w+)(?!\S)")


class Finding(msgspec.Struct, frozen=True):
    """The result of a check."""

    subject: str
    state: str  # "ok", "note" (it works, with a limitation) or "bad" (something does not work)
    text: str
    # The one command that fixes it. Its key in --json is older than the name here, and stays.
    fix: str | None = msgspec.field(default=None, name="mend")


def installed(package: str) -> str | None:
    """The version of an installed distribution, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


@dataclass(frozen=True)
class Machine:
    """Files, environment, distributions and interpreter that the checks read; tests replace them."""

    root: Path = Path("/")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    installed: Callable[[str], str | None] = installed
    load: Callable[[str], Any] = import_module
    which: Callable[[str], str | None] = shutil.which
    isolated: Callable[..., JobResult] = field(default_factory=lambda: IsolatedProcess().run)  # for jobs that may crash
    arch: str = platform.machine()
    bits: int = 64 if sys.maxsize > 2**32 else 32
    python: tuple[int, int] = sys.version_info[:2]
    libc: tuple[str, str] = field(default_factory=platform.libc_ver)
    in_venv: bool = sys.prefix != sys.base_prefix
    venv: Path = Path(sys.prefix)

    def read(self, path: str) -> str | None:
        """Text of a file below the root, stripped; None if it cannot be read."""
        try:
            return (self.root / path).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
        except OSError:
            return None

    def import_error(self, module: str) -> Exception | None:
        """Why a module cannot be imported, else None."""
        try:
            self.load(module)
        except (ImportError, ValueError) as error:  # ValueError: built for another numpy
            return error
        return None

    def glob(self, pattern: str) -> list[Path]:
        """Paths below the root that match, sorted."""
        return sorted(self.root.glob(pattern))

    def with_paths(self, command: str) -> str:
        """The command with full paths of our programs where the shell would not find them: in a venv not activated."""
        return PROGRAMS.sub(lambda found: self._path_of(found[0]), command)

    def _path_of(self, program: str) -> str:
        path = self.venv / "bin" / program
        return program if not path.is_file() or self.which(program) == str(path) else quote(str(path))

    @property
    def is_pi(self) -> bool:
        """Whether this is a Raspberry Pi."""
        return "Raspberry Pi" in (self.read("proc/device-tree/model") or "")


Check = Callable[[Machine], Iterator[Finding]]
