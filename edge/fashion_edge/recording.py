"""A recording of raw frames: what the camera saw, when, and what was decided on it; replayed bit for bit.

The folder's layout is in docs/fashion-edge.md. A line is written only once its picture is whole, so a recording
that was cut short is one that ends earlier.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import LiveDefaults, is_plain, parse_live, parse_number
from fashion_edge.errors import SourceError

SCHEMA = 1
HEADER, LINES, FRAMES = "recording.json", "frames.jsonl", "frames"
EVENTS = ("live", "lost")  # of a source; a failure of another output is none of the recording's
MAX_HEADER_BYTES = MAX_LINE_BYTES = 1 << 20
MAX_FPS = 1000.0  # as --fps has it
MAX_S = 1e12  # no clock shows more
MAX_FRAME = 1 << 53


@dataclass(frozen=True)
class Header:
    """recording.json: under what conditions the decisions were made."""

    source: str
    still: bool
    fps: float
    model: str  # SHA-256 of the model file
    runtime: str  # name and version of the backend
    roi: str
    live: LiveDefaults
    created: str = ""  # ISO 8601, UTC
    from_file: bool = False  # not from a camera or a stream, which may be faster than it says

    def to_json(self) -> dict[str, Any]:
        """The dictionary that `read_header` reads back."""
        return {"schema": SCHEMA, **vars(self), "live": vars(self.live)}


@dataclass(frozen=True)
class Line:
    """One line of frames.jsonl: a frame, or an event."""

    frame: int
    at: float  # seconds on the stream's clock, to the bit
    file: str = ""
    text: str = ""
    scores: tuple[float, ...] = ()  # float32, to the bit
    smoothed: tuple[float, ...] = ()
    event: str = ""  # one of EVENTS
    detail: str = ""


def exact(scores: NDArray[np.float32]) -> list[float]:
    """Scores as numbers that JSON carries without loss."""
    return [float(score) for score in scores]


def read_header(folder: Path) -> Header:
    """Read and check recording.json.

    Raises:
        SourceError: no recording, or a damaged one.
    """
    file = folder / HEADER
    if not file.is_file():
        raise SourceError(f"{folder} is not a recording; make one with fashion-edge --record-raw {folder}")
    try:
        with file.open("rb") as opened:
            data = opened.read(MAX_HEADER_BYTES + 1)
    except OSError as error:
        raise SourceError(f"{file} {_why_not(error)}") from error
    if len(data) > MAX_HEADER_BYTES:
        raise SourceError(f"{file} is larger than {MAX_HEADER_BYTES >> 20} MB, which no header is; record it again")
    try:
        root = json.loads(data)
        if root["schema"] != SCHEMA:
            raise SourceError(f"{file} is of schema {root['schema']!r:.60}, not {SCHEMA}; record it again")
        return _parse_header(root)
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        reason = error if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"
        raise SourceError(f"{file} is damaged ({reason}); record it again") from error


def read_lines(folder: Path) -> Iterator[Line]:
    """Lines in order; a last one that was cut short is left out.

    Raises:
        SourceError: a damaged line before the last, or one that names a file outside the folder.
    """
    path = folder / LINES
    try:
        file = path.open("rb")
    except OSError as error:
        raise SourceError(f"{path} {_why_not(error)}") from error
    with file:
        for number, row in enumerate(iter(partial(file.readline, MAX_LINE_BYTES + 1), b""), 1):
            if len(row) > MAX_LINE_BYTES:
                raise SourceError(f"{path} has more than {MAX_LINE_BYTES >> 20} MB in line {number}; record it again")
            try:
                line = _parse_line(json.loads(row))
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                if not file.read(1):
                    return
                raise SourceError(f"{path} is damaged in line {number} ({error}); record it again") from error
            if line.file != Path(line.file).name:
                raise SourceError(f"{path} names {line.file!r} in line {number}, which is outside the recording")
            yield line


def _why_not(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "is not for this user to read; mend its mode"
    return f"cannot be read ({error.strerror}); record it again"


def _parse_header(root: dict[str, Any]) -> Header:
    words = {key: _plain(root[key]) for key in ("source", "model", "runtime", "roi", "created")}
    fps = parse_number(root["fps"], "fps")
    if not 0 < fps <= MAX_FPS:
        raise ValueError(f"fps must lie in (0, {MAX_FPS:g}], not {fps:g}")
    live, from_file = parse_live(root["live"], "live"), root.get("from_file") is True
    return Header(**words, still=bool(root["still"]), fps=fps, live=live, from_file=from_file)


def _parse_line(root: dict[str, Any]) -> Line:
    at = parse_number(root["at"], "at")
    if not abs(at) <= MAX_S:  # also refuses NaN
        raise ValueError(f"at must be a time in seconds, not {at:g}")
    if "event" in root:
        if root["event"] not in EVENTS:
            raise ValueError(f"event must be {' or '.join(EVENTS)}, not {root['event']!r:.60}")
        return Line(-1, at, event=root["event"], detail=_plain(root["detail"]))
    frame = root["frame"]
    if not isinstance(frame, int) or not 0 <= frame <= MAX_FRAME:
        raise ValueError(f"frame must be a whole number from 0 on, not {frame!r:.60}")
    scores, smoothed = (tuple(parse_number(score, "a score") for score in root[key]) for key in ("scores", "smoothed"))
    return Line(frame, at, _plain(root["file"]), _plain(root["text"]), scores, smoothed)


def _plain(value: object) -> str:
    """Words that a terminal may show: names of devices and files, of which these are made, hold anything."""
    return "".join(character if is_plain(character) else "?" for character in str(value))
