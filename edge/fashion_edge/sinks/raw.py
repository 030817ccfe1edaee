"""Raw frames with their times and decisions, lossless and bounded: the recording that `replay:DIR` plays."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fashion_edge.atomic import refuse_existing
from fashion_edge.console import say
from fashion_edge.errors import OutputExistsError, UsageError
from fashion_edge.frame import Event
from fashion_edge.recording import FRAMES, HEADER, LINES, Header, to_floats
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.stills import encode

PNG_LEVEL = 1  # 2 ms for 640x480 where the default takes 7, for a tenth more bytes


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that is not empty: a recording unless `overwrite`, anything else always.

    Raises:
        OutputExistsError: names it.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / HEADER).is_file():
        raise OutputExistsError(
            f"{folder} exists already and is not a recording; name another, since --overwrite does not touch it"
        )
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
            _delete_recording(folder)
            (folder / FRAMES).mkdir(parents=True, exist_ok=True)
            created = datetime.now(UTC).isoformat(timespec="seconds")
            data = msgspec.json.encode(msgspec.structs.replace(header, created=created))
            (folder / HEADER).write_bytes(msgspec.json.format(data) + b"\n")
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
        (self._folder / FRAMES / name).write_bytes(data)
        self._write(
            {
                "frame": frame.index,
                "at": frame.moment,
                "file": name,
                "text": result.decision.text,
                "decision": dict(result.decision.by_group),
                "scores": to_floats(result.score_array),
                "smoothed": to_floats(result.smoothed_array),
            }
        )

    def event(self, event: Event) -> None:
        """Write what reset the smoothing; a failure of another output did not."""
        if not self._full and event.state in ("lost", "live"):
            self._write({"event": event.state, "at": event.at, "detail": event.detail})

    def close(self) -> None:
        """Close the list of lines."""
        self._lines.close()

    def written(self) -> str:
        """Number of frames, and their folder."""
        return f"raw frames: {self._folder}, {self._frames} of them; --source replay:{self._folder} replays them"

    def _write(self, record: dict[str, Any]) -> None:
        self._lines.write(msgspec.json.encode(record) + b"\n")


def _delete_recording(folder: Path) -> None:
    """Delete an older recording, and no other file."""
    for file in (*(folder / FRAMES).glob("*.png"), folder / HEADER, folder / LINES):
        if file.parent.name != FRAMES or file.stem.isdecimal():
            file.unlink(missing_ok=True)
