"""JSON lines: one object per line, written without a buffer so that a file can be followed as it grows."""

import io
import math
import os
import sys
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import Any

from fashion_edge.atomic import is_device, refuse_existing
from fashion_edge.console import say
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result, WallClock, event_record, fault_record, result_record
from fashion_edge.sinks.base import Sink
from fashion_edge.typed_json import encode_json


class JsonlSink(Sink):
    """Writes every frame, or changes only, to a file, or to standard output for `-`.

    With `append` an existing file is continued. Log rotation: a file that would grow beyond `limit_mb` megabytes is
    renamed to FILE.1, which replaces the one before, and a new one is started.
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
        self._limit = math.inf  # bytes
        self._file: FileIO | None = None
        if self._path is not None:
            self.output = f"{'changes' if changes else 'JSON lines'}: {self._path}"
            if not is_device(self._path):
                self._limit = math.inf if limit_mb is None else limit_mb * 1e6
                refuse_existing(self._path, overwrite=overwrite or append)
            self._file = _open(self._path, self.name, append=append)

    def put(self, result: Result) -> None:
        """Write a labelled frame, or only one with a new decision."""
        if not self._changes or result.text != self._text:
            self._text = result.text
            self._write(result_record(result, self._clock))

    def fault(self, fault: Fault) -> None:
        """Write an input that could not be read; without a repeated one where only changes are written."""
        if not (self._changes and fault.repeated):
            self._write(fault_record(fault))

    def event(self, event: Event) -> None:
        """Write a change of state; the decision after it counts as new."""
        self._text = None
        self._write(event_record(event, self._clock))

    def close(self) -> None:
        """Close the file; standard output stays open."""
        if self._file:
            self._file.close()

    def _write(self, record: dict[str, Any]) -> None:
        line = encode_json(record) + b"\n"
        if self._file is None or self._path is None:
            _print(line)
            return
        if self._limit < math.inf:
            size = os.fstat(self._file.fileno()).st_size  # another program may have emptied it
            if size and size + len(line) > self._limit:
                self._file.close()
                with suppress(FileNotFoundError):  # it was moved away
                    self._path.replace(rotated(self._path))
                self._file = self._path.open("ab", buffering=0)
        _append(self._file, line)


def rotated(path: Path) -> Path:
    """Where a full file is moved."""
    return path.with_name(path.name + ".1")


def _append(file: FileIO, line: bytes) -> None:
    """Write a whole line, or nothing of it where the disk is full."""
    taken = 0
    try:
        while taken < len(line):
            taken += file.write(line[taken:])
    except OSError:
        if taken:
            with suppress(OSError):  # a pipe cannot be truncated
                file.truncate(file.tell() - taken)
        raise


def _open(path: Path, name: str, *, append: bool) -> FileIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not append and path.is_file():
            path.write_bytes(b"")
        file = path.open("ab", buffering=0)  # writes at the current end: another program may empty the file
        if append and path.is_file() and path.stat().st_size:
            with path.open("rb") as old:
                old.seek(-1, os.SEEK_END)
                if old.read() != b"\n":  # the last line was cut by a power failure: the next one must be whole
                    file.write(b"\n")
                    say(f"{name}: the last line is incomplete, as a killed run leaves it; new lines follow it")
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}; name another file") from error
    return file


def _print(line: bytes) -> None:
    """Write to standard output: UTF-8 in any locale, or text where a program has replaced it, as notebooks do."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.buffer.write(line)
    else:
        sys.stdout.write(line.decode())
    sys.stdout.flush()
