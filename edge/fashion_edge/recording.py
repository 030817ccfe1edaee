"""A recording of raw frames: what the camera saw, when, and what was decided; it replays bit for bit.

The layout of the folder is in docs/reference/recording.md. A line is written after its picture, so a recording that
was cut short is a shorter recording.
"""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from fashion_edge.bundle import LiveDefaults, is_plain
from fashion_edge.errors import SourceError
from fashion_edge.typed_json import decode_json, read_json

SCHEMA = 1
HEADER, LINES, FRAMES = "recording.json", "frames.jsonl", "frames"
MAX_HEADER_BYTES = MAX_LINE_BYTES = 1 << 20
MAX_FPS = 1000.0  # as for --fps

Time = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """recording.json: the conditions under which the decisions were made."""

    schema: int = SCHEMA
    source: str
    still: bool
    fps: Annotated[float, msgspec.Meta(gt=0, le=MAX_FPS)]
    model: str  # SHA-256 of the model file
    runtime: str  # name and version of the backend
    roi: str
    live: LiveDefaults
    created: str = ""  # ISO 8601, UTC
    from_file: bool = False  # a camera or a stream may deliver more frames than its nominal rate


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of frames.jsonl: a frame, or an event of the source."""

    at: Time  # seconds on the stream's clock, to the bit
    frame: Annotated[int, msgspec.Meta(ge=-1, le=1 << 53)] = -1  # -1: an event
    file: str = ""
    text: str = ""
    scores: tuple[float, ...] = ()  # float32, to the bit
    smoothed: tuple[float, ...] = ()
    event: Literal["", "live", "lost"] = ""  # failures of other outputs are not recorded
    detail: str = ""

    def __post_init__(self) -> None:
        """Refuse a line that is neither."""
        if self.frame < 0 and not self.event:
            raise ValueError("neither a frame nor an event")


class _Schema(msgspec.Struct):
    schema: int


def to_floats(scores: NDArray[np.float32]) -> list[float]:
    """Scores as numbers that JSON stores without loss."""
    return [float(score) for score in scores]


class Recording:
    """A folder that `--record-raw` wrote.

    Raises:
        SourceError: it is not a recording, or its header is damaged or of another schema.
    """

    def __init__(self, folder: Path) -> None:
        file = folder / HEADER
        if not file.is_file():
            raise SourceError(f"{folder} is not a recording; make one with fashion-edge --record-raw {folder}")
        schema = read_json(file, _Schema, MAX_HEADER_BYTES, _damaged).schema
        if schema != SCHEMA:
            raise SourceError(f"{file} has schema {schema}, not {SCHEMA}; record it again")
        header = read_json(file, Header, MAX_HEADER_BYTES, _damaged)
        words = {key: _plain(getattr(header, key)) for key in ("source", "model", "runtime", "roi", "created")}
        self.folder = folder
        self.header: Header = msgspec.structs.replace(header, **words)

    def lines(self) -> Iterator[Line]:
        """Lines in order; an incomplete last line is skipped.

        Raises:
            SourceError: a damaged line before the last, or one that names a file outside the folder.
        """
        path = self.folder / LINES
        try:
            file = path.open("rb")
        except OSError as error:
            raise _damaged(f"{path} cannot be read ({error.strerror})") from error
        with file:
            for number, row in enumerate(iter(partial(file.readline, MAX_LINE_BYTES + 1), b""), 1):
                place = f"{path} line {number}"
                if len(row) > MAX_LINE_BYTES:
                    raise _damaged(f"{place} is longer than {MAX_LINE_BYTES >> 20} MB")
                try:
                    line = decode_json(row, Line, place, _damaged)
                except SourceError:
                    if not file.read(1):
                        return
                    raise
                if line.file != Path(line.file).name:
                    raise SourceError(f"{place} names {line.file!r}, which is outside the recording")
                yield msgspec.structs.replace(line, text=_plain(line.text), detail=_plain(line.detail))


def _damaged(text: str) -> SourceError:
    return SourceError(f"{text}; check the file, or record it again")


def _plain(text: str) -> str:
    """Text without control characters, which names of devices and files may contain: it goes to terminals."""
    return "".join(character if is_plain(character) else "?" for character in text)
