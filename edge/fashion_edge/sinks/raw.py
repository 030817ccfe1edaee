"""Raw frames with their times and decisions, lossless and bounded: the recording that `replay:DIR` gives back."""

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from fashion_edge.atomic import refuse_existing
from fashion_edge.console import say
from fashion_edge.errors import OutputExistsError, UsageError
from fashion_edge.frame import Event
from fashion_edge.opencv import cv2
from fashion_edge.recording import FRAMES, HEADER, LINES, Header, to_floats
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

PNG_LEVEL = 1  # 2 ms for 640x480 where the default takes 7, for a tenth more bytes


def check_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that holds something: a recording unless it may go, anything else always.

    Raises:
        OutputExistsError: names it.
    """
    if folder.is_dir() and any(folder.iterdir()) and not (folder / HEADER).is_file():
        raise OutputExistsError(
            f"{folder} exists already and is no recording; name another, since --overwrite does not touch it"
        )
    refuse_existing(folder, overwrite=overwrite)


class RawSink(Sink):
    """Writes each frame as the classifier got it; stops at the limit, so that what is there replays as it ran."""

    wants_clean = True

    def __init__(self, folder: Path, header: Header, limit_mb: float, *, overwrite: bool = False) -> None:
        self.name = f"--record-raw {folder}"
        self.full = False
        self._folder = folder
        self._left = int(limit_mb * 1e6)
        self._limit_mb = limit_mb
        self._frames = 0
        check_folder(folder, overwrite=overwrite)
        try:
            _clear(folder)
            (folder / FRAMES).mkdir(parents=True, exist_ok=True)
            created = datetime.fromtimestamp(time.time(), UTC).isoformat(timespec="seconds")
            data = msgspec.json.encode(msgspec.structs.replace(header, created=created))
            (folder / HEADER).write_bytes(msgspec.json.format(data) + b"\n")
            self._lines = (folder / LINES).open("wb", buffering=0)
        except OSError as error:
            raise UsageError(f"{self.name} cannot be written: {error.strerror}; name another folder") from error

    def put_clean(self, result: Result) -> None:
        """Keep the frame, then the line that names it."""
        if self.full:
            return
        ok, data = cv2.imencode(".png", result.frame.image, [cv2.IMWRITE_PNG_COMPRESSION, PNG_LEVEL])
        if not ok:
            raise OSError("the frame cannot be encoded as PNG")
        if len(data) > self._left:
            self.full = True
            say(f"{self.name}: {self._limit_mb:g} MB are full; recording ends, the run goes on (--raw-limit)")
            return
        self._left -= len(data)
        self._frames += 1
        name = f"{result.frame.index:08d}.png"
        (self._folder / FRAMES / name).write_bytes(data.data)
        self._write(
            {
                "frame": result.frame.index,
                "at": result.frame.moment,
                "file": name,
                "text": result.decision.text,
                "decision": dict(result.decision.by_group),
                "scores": to_floats(result.score_array),
                "smoothed": to_floats(result.smoothed_array),
            }
        )

    def event(self, event: Event) -> None:
        """Keep what made the labeller forget; a failure of another output did not."""
        if not self.full and event.state in ("lost", "live"):
            self._write({"event": event.state, "at": event.at, "detail": event.detail})

    def close(self) -> None:
        """Close the list of lines."""
        self._lines.close()

    def written(self) -> str:
        """How much was kept, and where."""
        return f"raw frames: {self._folder}, {self._frames} of them; --source replay:{self._folder} shows them again"

    def _write(self, record: dict[str, Any]) -> None:
        self._lines.write(msgspec.json.encode(record) + b"\n")


def _clear(folder: Path) -> None:
    """Take an older recording away, and nothing else: what lies beside its frames stays."""
    for file in (*(folder / FRAMES).glob("*.png"), folder / HEADER, folder / LINES):
        if file.parent.name != FRAMES or file.stem.isdecimal():
            file.unlink(missing_ok=True)
