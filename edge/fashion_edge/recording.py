"""A recording of raw frames: what the camera saw, when, and what was decided; it replays bit for bit.

The layout of the folder is in docs/reference/recording.md. A line is written after its picture, so a recording that
was cut short is a shorter recording.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_file, clear_leftovers, is_free, refuse_existing, write_files
from fashion_edge.console import say
from fashion_edge.decide import Smoothing
from fashion_edge.errors import (
    MAX_MESSAGE,
    ImageError,
    OutputExistsError,
    SourceError,
    UsageError,
    printable,
    quoted,
)
from fashion_edge.frame import Event
from fashion_edge.images import read_image
from fashion_edge.redact import redact, redact_text
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.stills import encode
from fashion_edge.typed_json import decode_json, encode_json, read_json

SCHEMA = 1
HEADER, LINES, FRAMES = "recording.json", "frames.jsonl", "frames"
MAX_HEADER_BYTES = MAX_LINE_BYTES = 1 << 20
MAX_LINES_BYTES = 1 << 30  # a day of frames
MAX_FPS = 1000.0  # as for --fps
TEXTS = "source", "model", "runtime", "roi", "created"  # of the header
PNG_LEVEL = 1  # 2 ms for 640x480 where the default takes 7, for a tenth more bytes


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """recording.json: the conditions under which the decisions were made."""

    schema: int = SCHEMA
    source: str
    still: bool
    fps: Annotated[float, msgspec.Meta(gt=0, le=MAX_FPS)]
    model: str  # SHA-256 of the model file
    runtime: str  # name and version of the backend
    roi: str
    live: Smoothing
    created: str = ""  # ISO 8601, UTC
    from_file: bool = False  # a camera or a stream may deliver more frames than its nominal rate


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of frames.jsonl: a frame, or an event of the source."""

    at: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]  # seconds on the stream's clock, to the bit
    frame: Annotated[int, msgspec.Meta(ge=-1, le=1 << 53)] = -1  # -1: an event
    file: str = ""
    text: str = ""
    scores: tuple[float, ...] = ()  # float32, to the bit
    smoothed: tuple[float, ...] = ()
    event: Literal["", "live", "lost", "lagging"] = ""  # failures of other outputs are not recorded
    detail: str = ""

    def __post_init__(self) -> None:
        if self.frame < 0 and not self.event:
            raise ValueError("neither a frame nor an event")


class _Schema(msgspec.Struct):
    schema: int


class Recording:
    """A folder that `--record-raw` wrote."""

    def __init__(self, folder: Path) -> None:
        file = folder / HEADER
        if not file.is_file():
            raise SourceError(f"{folder} is not a recording; make one with fashion-edge --record-raw {folder}")
        self.folder = folder
        self._check_inside(file)
        schema = read_json(file, _Schema, MAX_HEADER_BYTES, _damaged).schema
        if schema != SCHEMA:
            raise SourceError(f"{file} has schema {schema}, not {SCHEMA}; record it again")
        header = read_json(file, Header, MAX_HEADER_BYTES, _damaged)
        words = {key: printable(getattr(header, key), MAX_MESSAGE) for key in TEXTS}
        words["source"] = redact(words["source"])  # older versions knew fewer secrets
        self.header: Header = msgspec.structs.replace(header, **words)

    def lines(self) -> Iterator[Line]:
        """Lines in order; an incomplete last line is skipped."""
        path = self.folder / LINES
        self._check_inside(path)
        if path.exists() and (size := path.stat().st_size) > MAX_LINES_BYTES:
            raise _damaged(f"{path} has {size >> 20} MB, above the limit of {MAX_LINES_BYTES >> 20}")
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
                    raise SourceError(f"{place} names {quoted(line.file)}, which is outside the recording")
                text = printable(line.text, MAX_LINE_BYTES)
                yield msgspec.structs.replace(line, text=text, detail=redact_text(printable(line.detail)))

    def read_frame(self, line: Line) -> NDArray[np.uint8]:
        """Decode the picture of a line.

        Raises:
            ImageError: it cannot be read, or lies outside of this recording.
        """
        path = self.folder / FRAMES / line.file
        try:
            self._check_inside(path)
        except SourceError as error:
            raise ImageError(str(error)) from error
        return read_image(path)

    def _check_inside(self, path: Path) -> None:
        """Refuse a pipe, which would wait forever, a device, and a link that leads out of the recording."""
        if path.exists() and not path.is_file():
            raise SourceError(f"{path} is not a regular file; record it again")
        if not path.resolve().is_relative_to(self.folder.resolve()):
            raise SourceError(f"{path} is a link that leads out of the recording; copy the file there")


def _damaged(text: str) -> SourceError:
    return SourceError(f"{text}; check the file, or record it again")


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is not empty: a recording unless `overwrite`, anything else always."""
    if folder.is_dir() and not is_free(folder) and not (folder / HEADER).is_file():
        problem = "exists already and is not a recording"
        raise OutputExistsError(f"{folder} {problem}; name another, since --overwrite does not touch it")
    refuse_existing(folder, overwrite=overwrite)


class RawSink(Sink):
    """Writes each frame as the source gave it; stops at the limit, so that the recording replays as it ran."""

    wants_clean = True

    def __init__(self, folder: Path, header: Header, limit_mb: float, *, overwrite: bool = False) -> None:
        self.name = f"--record-raw {folder}"
        self._folder = folder
        self._limit_mb = limit_mb
        self._left = int(limit_mb * 1e6)
        self._full = False
        self._frames = 0
        check_folder(folder, overwrite=overwrite)
        try:
            if (folder / LINES).exists():  # of an older recording: no line may go with the new header or a lost frame
                (folder / LINES).write_bytes(b"")
            created = datetime.now(UTC).isoformat(timespec="seconds")
            data = encode_json(msgspec.structs.replace(header, created=created), indent=2)
            with atomic_file(folder / HEADER, overwrite=True) as part:  # first: without it, this is another folder
                part.write_bytes(data + b"\n")
            for file in (folder / FRAMES).glob("*.png"):
                if file.stem.isdecimal():
                    file.unlink()
            (folder / FRAMES).mkdir(exist_ok=True)
            clear_leftovers(folder / FRAMES, ".png")
            self._lines = (folder / LINES).open("wb", buffering=0)
        except OSError as error:
            raise UsageError(f"{self.name} cannot be written: {error.strerror}; name another folder") from error

    def put_clean(self, result: Result) -> None:
        """Write the frame, then the line that names it."""
        if self._full:
            return
        frame = result.frame
        data = encode(frame.image, ".png", PNG_LEVEL)
        if len(data) > self._left:
            self._full = True
            say(f"{self.name}: the limit of {self._limit_mb:g} MB is reached; recording ends, the run continues")
            return
        self._left -= len(data)
        self._frames += 1
        name = f"{frame.index:08d}.png"
        write_files({self._folder / FRAMES / name: data})
        decided = {"text": result.decision.text, "decision": dict(result.decision.by_group)}
        scores = {"scores": result.score_array.tolist(), "smoothed": result.smoothed_array.tolist()}
        self._write({"frame": frame.index, "at": frame.moment, "file": name, **decided, **scores})

    def event(self, event: Event) -> None:
        """Write what reset the smoothing; a failure of another output did not."""
        if not self._full and event.state in ("live", "lost", "lagging"):
            self._write({"event": event.state, "at": event.at, "detail": event.detail})

    def close(self) -> None:
        """Close the list of lines."""
        self._lines.close()
        self.output = f"raw frames: {self._folder}, {self._frames} of them; --source replay:{self._folder} replays them"

    def _write(self, record: dict[str, Any]) -> None:
        self._lines.write(encode_json(record) + b"\n")
