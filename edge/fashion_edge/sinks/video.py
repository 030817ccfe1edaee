"""An annotated recording; it has its name only once it is whole."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

from fashion_edge.atomic import refuse_existing
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event
from fashion_edge.opencv import load_cv2
from fashion_edge.overlay import draw_no_signal
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

SUFFIXES = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
ROOM = 32 << 20  # bytes that must stay free: OpenCV does not tell when a disk is full
LOOK_EVERY = 30  # frames
CARD_S = 1.0  # of a recording, for a loss of however long


def check_suffix(path: Path) -> None:
    """Refuse a name that stands for no container.

    Raises:
        UsageError: names those that there are.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--record {path} must end in {', '.join(SUFFIXES)}")


class VideoSink(Sink):
    """Records annotated frames at the source's nominal rate; frames of another size than the first are fitted."""

    wants_picture = True

    def __init__(self, path: Path, fps: float, *, overwrite: bool = False) -> None:
        check_suffix(path)
        refuse_existing(path, overwrite=overwrite)
        self.name = f"--record {path}"
        self._path = path
        self._fps = fps
        self._part = path.with_name(f".{path.stem}.part-{os.getpid()}{path.suffix}")
        self._writer: Any = None
        self._size = (0, 0)
        self._frames = 0
        self._lost = False

    def put(self, result: Result) -> None:
        """Append the annotated frame."""
        self._lost = False
        image = result.frame.image
        if self._writer is None:
            self._open(image.shape[1], image.shape[0])
        if self._frames % LOOK_EVERY == 0 and shutil.disk_usage(self._path.parent).free < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._frames += 1
        if (image.shape[1], image.shape[0]) != self._size:
            image = load_cv2().resize(image, self._size)
        self._writer.write(image)

    def event(self, event: Event) -> None:
        """Append the card that says that there was no picture."""
        if event.state != "lost" or self._lost or self._writer is None:
            return
        self._lost = True
        card = draw_no_signal(self._size[1], self._size[0], event.detail)
        for _ in range(round(CARD_S * self._fps)):
            self._writer.write(card)

    def close(self) -> None:
        """Finish the container and give the file its name."""
        if self._writer is not None:
            self._writer.release()
            self._part.replace(self._path)
            self._writer = None

    def written(self) -> str | None:
        """The file, if a frame came for it."""
        return f"video: {self._path}" if self._frames else None

    def _open(self, width: int, height: int) -> None:
        cv2 = load_cv2()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        code = cv2.VideoWriter.fourcc(*SUFFIXES[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._part), code, self._fps, (width, height))
        if not writer.isOpened():
            raise UsageError(f"--record {self._path} cannot be written with this OpenCV; try a name that ends in .avi")
        self._writer, self._size = writer, (width, height)
