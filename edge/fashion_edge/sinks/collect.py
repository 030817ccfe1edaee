"""Data collection for retraining: low-confidence frames, in folders that fashion-train reads.

DIR/photos/red_dress/20261123T130000123_00000012.jpg   every group decided: fashion-train --dataset DIR/photos
DIR/unsure/20261123T130001123_00000042.jpg             the others, to be sorted by hand
...jpg.json                                            scores, thresholds and margins of each
"""

import re
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from fashion_edge.atomic import clear_leftovers, write_files
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import UsageError
from fashion_edge.result import Result, WallClock, result_record
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.stills import encode, shorten
from fashion_edge.typed_json import encode_json

JPEG_QUALITY = 95
EVERY_S = 1.0  # frames of one moment are near-duplicates
COLLECTED = re.compile(r"\d{8}T\d{9}_\d{8,}\.jpg")
PHOTOS, UNSURE = "photos", "unsure"


class CollectSink(Sink):
    """Saves the region of interest of frames with a score near its threshold; at the limit it deletes the oldest."""

    wants_clean = True

    def __init__(self, folder: Path, space: LabelSpace, margin: float, limit_mb: float, *, still: bool = False) -> None:
        self.name = f"--capture {folder}"
        self._folder = folder
        self._space = space
        self._margin = margin
        self._limit = int(limit_mb * 1e6)
        self._every_s = 0.0 if still else EVERY_S
        self._clock = WallClock()
        self._last = float("-inf")
        self._count = 0
        self.output = f"low-confidence frames kept: 0, in {folder}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            clear_leftovers(folder, ".jpg", ".json", deep=True)
            found = (path for path in folder.rglob("*.jpg") if COLLECTED.fullmatch(path.name))
            self._files = deque((path, _size(path)) for path in sorted(found, key=lambda path: path.name))
        except OSError as error:
            raise UsageError(f"{self.name} is not a folder that can be written: {error.strerror}") from error
        self._bytes = sum(size for _, size in self._files)

    def put_clean(self, result: Result) -> None:
        """Save the frame if a score is near its threshold."""
        at, thresholds = result.frame.moment, self._space.thresholds
        if abs(at - self._last) < self._every_s:
            return
        margins = {label: round(score - thresholds[label], 4) for label, score in result.scores.items()}
        near = {label: margin for label, margin in margins.items() if abs(margin) <= self._margin}
        if not near:
            return
        self._last = at
        details = {"near": near, "thresholds": dict(thresholds), "box": vars(result.box)}
        text = encode_json({**result_record(result, self._clock), **details}, indent=1) + b"\n"
        path = self._folder / self._choose_folder(result) / self._file_name(result)
        path.parent.mkdir(parents=True, exist_ok=True)
        picture = encode(result.box.crop(result.frame.image), ".jpg", JPEG_QUALITY)
        # the picture last, so that each has its sidecar
        write_files({_sidecar(path): text, path: picture})
        self._count += 1
        self.output = f"low-confidence frames kept: {self._count}, in {self._folder}"
        self._files.append((path, _size(path)))
        self._bytes += self._files[-1][1]
        self._delete_oldest()

    def _choose_folder(self, result: Result) -> Path:
        """The folder in which fashion-train expects these labels, if every group is decided."""
        words = [*result.decision.by_group.values()]
        words += [label for label in self._space.free_labels if label in result.decision.labels]
        if not words or any(word is None or "_" in word or "/" in word for word in words):
            return Path(UNSURE)
        name = "_".join(str(word) for word in words)
        return Path(PHOTOS, name) if shorten(name) == name else Path(UNSURE)  # shortened, it would lose labels

    def _file_name(self, result: Result) -> str:
        stamp = datetime.fromtimestamp(self._clock.wall(result.frame.captured_at), UTC)
        return f"{stamp:%Y%m%dT%H%M%S}{stamp.microsecond // 1000:03d}_{result.frame.index:08d}.jpg"

    def _delete_oldest(self) -> None:
        while self._bytes > self._limit and len(self._files) > 1:
            path, size = self._files.popleft()
            path.unlink(missing_ok=True)
            _sidecar(path).unlink(missing_ok=True)
            self._bytes -= size


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _size(path: Path) -> int:
    """Bytes of a picture and its sidecar; 0 for what a person has moved away."""
    return sum(file.stat().st_size for file in (path, _sidecar(path)) if file.is_file())
