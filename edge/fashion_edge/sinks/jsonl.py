"""One JSON object a line, flushed line by line so that it can be followed as it grows."""

import math
import os
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

import orjson

from fashion_edge.atomic import is_device, refuse_existing
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result, WallClock, event_record, fault_record, result_record
from fashion_edge.sinks.base import Sink


class JsonlSink(Sink):
    """Writes every frame, or changes only, to a file or to standard output for `-`.

    With `append` it goes on at the end of a file that is there. A file that would grow beyond `limit_mb` megabytes is
    renamed to FILE.1, in place of the one before, and begun anew.
    """

    def __init__(
        self,
        target: str,
        *,
        overwrite: bool = False,
        append: bool = False,
        changes: bool = False,
        limit_mb: float | None = None,
    ) -> None:
        self.name = f"--{'events' if changes else 'jsonl'} {target}"
        self._changes = changes
        self._text: str | None = None
        self._clock = WallClock()
        self._path = None if target == "-" else Path(target)
        self.speaks = self._path is None
        if self._path is not None and not append and not is_device(self._path):
            refuse_existing(self._path, overwrite=overwrite)
        self._file = None if self._path is None else _open(self._path, self.name, append=append)
        self._limit = (
            limit_mb * 1e6 if limit_mb is not None and self._path and not is_device(self._path) else math.inf
        )  # bytes

    def put(self, result: Result) -> None:
        """Write a labelled frame, if every frame is written or its decision is a new one."""
        if self._changes and result.decision.text == self._text:
            return
        self._text = result.decision.text
        self._write(result_record(result, self._clock))

    def fault(self, fault: Fault) -> None:
        """Write an input that could not be read."""
        self._write(fault_record(fault))

    def event(self, event: Event) -> None:
        """Write a change of state; what is decided after one is new again."""
        self._text = None
        self._write(event_record(event, self._clock))

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._file:
            self._file.close()

    def written(self) -> str | None:
        """The file."""
        return None if self._path is None else f"{'changes' if self._changes else 'JSON lines'}: {self._path}"

    def _write(self, record: dict[str, Any]) -> None:
        line = orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)
        if self._file is None:
            _print(line)
            return
        if self._limit < math.inf and _is_full(self._file, len(line), self._limit):
            self._file = self._rotate(self._file)
        _append(self._file, line)

    def _rotate(self, full: FileIO) -> FileIO:
        assert self._path is not None
        full.close()
        with suppress(FileNotFoundError):  # somebody took it away: begun anew all the same
            self._path.replace(rotated(self._path))
        return self._path.open("ab", buffering=0)


def rotated(path: Path) -> Path:
    """Where a full file goes."""
    return path.with_name(path.name + ".1")


def _is_full(file: FileIO, more: int, limit: float) -> bool:
    """Whether a file that holds something would grow beyond a limit, in bytes; somebody else may have emptied it."""
    size = os.fstat(file.fileno()).st_size
    return size > 0 and size + more > limit


def _append(file: FileIO, line: bytes) -> None:
    """Write a whole line; of one that the disk has no room for nothing stays."""
    taken = 0
    try:
        while taken < len(line):
            taken += file.write(line[taken:])
    except OSError:
        if taken:
            with suppress(OSError):  # a pipe takes nothing back
                file.truncate(file.tell() - taken)
        raise


def _print(line: bytes) -> None:
    """UTF-8 whatever the locale, unless somebody put a stream of text in the place of standard output."""
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:
        sys.stdout.write(line.decode())
    else:
        binary.write(line)
    sys.stdout.flush()


def _ends_midway(path: Path) -> bool:
    if is_device(path) or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"


def _open(path: Path, name: str, *, append: bool) -> FileIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not append and path.is_file():
            path.write_bytes(b"")
        file = path.open("ab", buffering=0)  # at the end that there is then: somebody may empty the file meanwhile
        if append and _ends_midway(path):
            file.write(b"\n")  # power went while the last line was written: the next one must be whole
        return file
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}; name another file") from error
