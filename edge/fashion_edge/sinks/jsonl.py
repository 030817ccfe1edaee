"""One JSON object a line, flushed line by line so that it can be followed as it grows."""

import json
import sys
import time
from pathlib import Path
from typing import Any, TextIO

from fashion_edge.atomic import refuse_existing
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result, WallClock, event_record, fault_record, result_record
from fashion_edge.sinks.base import Sink


class JsonlSink(Sink):
    """Writes every frame, or changes only, to a file or to standard output for `-`."""

    def __init__(self, target: str, *, overwrite: bool = False, changes: bool = False) -> None:
        self.name = f"--{'events' if changes else 'jsonl'} {target}"
        self._changes = changes
        self._text: str | None = None
        self._clock = WallClock(time.time(), time.monotonic())
        self._file = sys.stdout if target == "-" else _open(Path(target), self.name, overwrite=overwrite)

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
        if self._file is not sys.stdout:
            self._file.close()

    def _write(self, record: dict[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self._file.flush()


def _open(path: Path, name: str, *, overwrite: bool) -> TextIO:
    refuse_existing(path, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{name} cannot be written: {error.strerror}; name another file") from error
