"""An annotated recording; it has its name only once it is whole."""

import errno
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fashion_edge.atomic import refuse_existing, take_free_name
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Frame
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_no_signal
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SUFFIXES = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
ROOM = 32 << 20  # bytes that must stay free: OpenCV does not tell when a disk is full
LOOK_EVERY = 30  # frames
CARD_S = 1.0  # of a recording, for a loss of however long
GAP_S = 10.0  # a longer one is cut short


def check_suffix(path: Path) -> None:
    """Refuse a name that stands for no container.

    Raises:
        UsageError: names those that there are.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--record {path} must end in {', '.join(SUFFIXES)}")


def _encodable(fps: float) -> float:
    """MPEG-4 counts time in at most 65535 parts of a second, and OpenCV asks for thousandths."""
    return fps if fps * 1000 <= 65535 else round(fps, 2)


def _fit(image: "NDArray[np.uint8]", width: int, height: int) -> "NDArray[np.uint8]":
    """The picture as large as it finds room, its proportions kept, between black bars."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0]))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    right, bottom = width - size[0] - left, height - size[1] - top
    inner = cv2.resize(image, size)
    return cv2.copyMakeBorder(inner, top, bottom, left, right, cv2.BORDER_CONSTANT)  # type: ignore[no-any-return]


class VideoSink(Sink):
    """Records annotated frames so that they play as fast as they happened, at the source's nominal rate.

    Where fewer frames came than that, the one before stands for those that are missing; where a camera or a stream gave
    more, some are left out, and so where one of these is `replayed`. Every frame of a file stays. Frames of another
    size than the first are fitted, between black bars.
    """

    wants_picture = True

    def __init__(
        self, path: Path, fps: float, *, still: bool = False, replayed: bool = False, overwrite: bool = False
    ) -> None:
        check_suffix(path)
        refuse_existing(path, overwrite=overwrite)
        self.name = f"--record {path}"
        self._shown = path
        path = path.absolute()  # FFmpeg takes 2026-11-25T13:00.mp4 for a protocol
        self._path = path = path.resolve() if path.is_symlink() else path
        self._fps = _encodable(fps)
        self._still = still
        self._replayed = replayed
        self._overwrite = overwrite
        self._part = path.with_name(f".{path.stem}.part-{os.getpid()}{path.suffix}")
        self._writer: Any = None
        self._size = (0, 0)
        self._frames = 0
        self._lost = False
        self._before: NDArray[np.uint8] | None = None
        self._began, self._since = 0.0, 0  # moment of the first frame, and how many were written from it on

    def put(self, result: Result) -> None:
        """Append the annotated frame."""
        self._lost = False
        image = result.frame.image
        if self._writer is None:
            self._open(image.shape[1], image.shape[0])
        if self._is_early(result.frame):
            return
        if (image.shape[1], image.shape[0]) != self._size:
            image = _fit(image, *self._size)
        self._fill(result.frame.moment)
        self._write(image)
        self._before = image

    def _is_early(self, frame: Frame) -> bool:
        """Whether a live frame came while the video already stands a whole frame ahead of it."""
        of_file = frame.stream_at is not None and not self._replayed
        if self._still or self._before is None or of_file:
            return False
        return self._since - (frame.moment - self._began) * self._fps >= 1

    def _fill(self, moment: float) -> None:
        """Show the frame before for those that did not come between it and this one, `GAP_S` at most."""
        if self._still:
            return
        if self._before is None:
            self._began, self._since = moment, 1
            return
        missing = round((moment - self._began) * self._fps) - self._since
        if missing > (most := round(GAP_S * self._fps)):
            self._began += (missing - most) / self._fps
            missing = most
        for _ in range(missing):
            self._write(self._before)
        self._since += 1 + max(0, missing)

    def _write(self, image: "NDArray[np.uint8]") -> None:
        if self._frames % LOOK_EVERY == 0:
            self._look_for_room()
        self._frames += 1
        self._writer.write(image)

    def _look_for_room(self) -> None:
        if shutil.disk_usage(self._path.parent).free < ROOM:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def event(self, event: Event) -> None:
        """Append the card that says that there was no picture."""
        if event.state != "lost" or self._lost or self._writer is None:
            return
        self._lost, self._before = True, None
        card = draw_no_signal(self._size[1], self._size[0], event.detail)
        for _ in range(round(CARD_S * self._fps)):
            self._write(card)

    def close(self) -> None:
        """Finish the container and give the file its name; a numbered one where that was taken meanwhile."""
        if self._writer is None:
            return
        self._writer.release()
        self._writer = None
        if not self._frames:
            self._part.unlink(missing_ok=True)
        elif self._overwrite:
            self._part.replace(self._path)
        else:
            name = take_free_name(self._part, self._path)
            self._shown = self._shown if name == self._path else name

    def written(self) -> str | None:
        """The file, if a frame came for it."""
        return f"video: {self._shown}" if self._frames else None

    def _open(self, width: int, height: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._look_for_room()
        code = cv2.VideoWriter.fourcc(*SUFFIXES[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._part), code, self._fps, (width, height))
        if not writer.isOpened():
            raise OSError(f"this OpenCV makes no {self._path.suffix} of {width} x {height} pixels; .avi may work")
        self._writer, self._size = writer, (width, height)
