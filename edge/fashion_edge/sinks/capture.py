"""Frames on which the model was nearly of another mind, kept for retraining: folders that fashion-train reads.

DIR/photos/red_dress/20261123T130000123_00000012.jpg   both groups decided: fashion-train --dataset DIR/photos
DIR/unsure/20261123T130001123_00000042.jpg             the rest, to be sorted by hand
...jpg.json                                            scores, thresholds and margins of each
"""

import json
import re
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import UsageError
from fashion_edge.opencv import cv2
from fashion_edge.result import Result, WallClock, result_record
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.stills import shorten

JPEG_QUALITY = 95
EVERY_S = 1.0  # frames of one moment teach the same
OURS = re.compile(r"\d{8}T\d{9}_\d{8,}\.jpg")
PHOTOS, UNSURE = "photos", "unsure"


class CaptureSink(Sink):
    """Keeps what the classifier saw, not the whole frame; beyond the limit the oldest go."""

    wants_clean = True

    def __init__(self, folder: Path, space: LabelSpace, margin: float, limit_mb: float, *, still: bool = False) -> None:
        self.name = f"--capture {folder}"
        self.kept = 0
        self._folder = folder
        self._space = space
        self._margin = margin
        self._limit = int(limit_mb * 1e6)
        self._still = still
        self._clock = WallClock()
        self._last: float | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
            found = sorted((path for path in folder.rglob("*.jpg") if OURS.fullmatch(path.name)), key=lambda p: p.name)
        except OSError as error:
            raise UsageError(f"{self.name} is not a folder that can be written: {error.strerror}") from error
        self._kept = deque((path, _size(path)) for path in found)
        self._bytes = sum(size for _, size in self._kept)

    def put_clean(self, result: Result) -> None:
        """Keep the frame if a score is near its threshold."""
        near = near_thresholds(result, self._space, self._margin)
        at = result.frame.moment
        if not near or not (self._still or self._last is None or abs(at - self._last) >= EVERY_S):
            return
        self._last = at
        image = result.box.cut(result.frame.image)
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not ok:
            raise OSError("the frame cannot be encoded as JPEG")
        record = {**result_record(result, self._clock), "near": near, "thresholds": dict(self._space.thresholds)}
        text = json.dumps({**record, "box": vars(result.box)}, ensure_ascii=False, indent=1)
        path = self._folder / self._place(result) / self._file_name(result)
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_both(path, data.tobytes(), (text + "\n").encode())
        self.kept += 1
        self._kept.append((path, _size(path)))
        self._bytes += self._kept[-1][1]
        self._drop_oldest()

    def written(self) -> str:
        """How many were kept, and where."""
        return f"frames to keep: {self._folder}, {self.kept} more"

    def _place(self, result: Result) -> Path:
        """Where fashion-train looks for these labels, if every group is decided."""
        words = [*result.decision.by_group.values()]
        words += [label for label in self._space.free_labels if label in result.decision.labels]
        if not words or any(word is None or "_" in word or "/" in word for word in words):
            return Path(UNSURE)
        name = "_".join(str(word) for word in words)
        return Path(PHOTOS, name) if shorten(name) == name else Path(UNSURE)  # cut, it would name other labels

    def _file_name(self, result: Result) -> str:
        stamp = datetime.fromtimestamp(self._clock.wall(result.frame.captured_at), UTC)
        return f"{stamp:%Y%m%dT%H%M%S}{stamp.microsecond // 1000:03d}_{result.frame.index:08d}.jpg"

    def _drop_oldest(self) -> None:
        while self._bytes > self._limit and len(self._kept) > 1:
            path, size = self._kept.popleft()
            path.unlink(missing_ok=True)
            _sidecar(path).unlink(missing_ok=True)
            self._bytes -= size


def near_thresholds(result: Result, space: LabelSpace, margin: float) -> dict[str, float]:
    """Labels whose score lies within `margin` of its threshold: label -> score minus threshold."""
    distances = {label: round(score - space.thresholds[label], 4) for label, score in result.scores.items()}
    return {label: distance for label, distance in distances.items() if abs(distance) <= margin}


def _write_both(path: Path, picture: bytes, text: bytes) -> None:
    """A picture and its sidecar: both whole, or neither."""
    files = {path: picture, _sidecar(path): text}
    parts = {file: file.with_name(f".{file.name}.part") for file in files}
    try:
        for file, content in files.items():
            parts[file].write_bytes(content)
        for file in reversed(files):  # the picture last: what is there has its sidecar
            parts[file].replace(file)
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _sidecar(path: Path) -> Path:
    return path.with_name(path.name + ".json")


def _size(path: Path) -> int:
    """Of a picture and its sidecar; 0 for what a person has moved away."""
    return sum(file.stat().st_size for file in (path, _sidecar(path)) if file.is_file())
