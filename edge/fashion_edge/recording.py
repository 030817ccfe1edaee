"""A recording of raw frames: what the camera saw, when, and what was decided on it; replayed bit for bit.

The folder's layout is in docs/fashion-edge.md. A line is written only once its picture is whole, so a recording
that was cut short is one that ends earlier.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import LiveDefaults
from fashion_edge.errors import SourceError

SCHEMA = 1
HEADER, LINES, FRAMES = "recording.json", "frames.jsonl", "frames"
MAX_HEADER_BYTES = 1 << 20


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
    event: str = ""  # live or lost
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
        root = json.loads(file.read_bytes()[:MAX_HEADER_BYTES])
        if root["schema"] != SCHEMA:
            raise SourceError(f"{file} is of schema {root['schema']!r}, not {SCHEMA}; record it again")
        live = LiveDefaults(**{key: float(value) for key, value in root["live"].items()})
        return Header(
            source=str(root["source"]),
            still=bool(root["still"]),
            fps=float(root["fps"]),
            model=str(root["model"]),
            runtime=str(root["runtime"]),
            roi=str(root["roi"]),
            live=live,
            created=str(root["created"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"{file} is damaged ({type(error).__name__}: {error}); record it again") from error


def read_lines(folder: Path) -> Iterator[Line]:
    """Lines in order; a last one that was cut short is left out.

    Raises:
        SourceError: a damaged line before the last, or one that names a file outside the folder.
    """
    path = folder / LINES
    try:
        rows = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise SourceError(f"{path} cannot be read ({error}); record it again") from error
    for number, row in enumerate(rows, 1):
        try:
            line = _parse(json.loads(row))
        except (ValueError, KeyError, TypeError) as error:
            if number == len(rows):
                return
            raise SourceError(f"{path} is damaged in line {number} ({error}); record it again") from error
        if line.file != Path(line.file).name:
            raise SourceError(f"{path} names {line.file!r} in line {number}, which is outside the recording")
        yield line


def _parse(root: dict[str, Any]) -> Line:
    if "event" in root:
        return Line(-1, float(root["at"]), event=str(root["event"]), detail=str(root["detail"]))
    scores, smoothed = (tuple(float(score) for score in root[key]) for key in ("scores", "smoothed"))
    return Line(int(root["frame"]), float(root["at"]), str(root["file"]), str(root["text"]), scores, smoothed)
