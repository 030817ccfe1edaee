"""An annotated video, written under a hidden name until it is complete; what a crash leaves can be read."""

import errno
import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_file, find_leftovers, refuse_existing, take_free_name
from fashion_edge.console import say
from fashion_edge.errors import UsageError
from fashion_edge.frame import Event, Frame
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_no_signal
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.mp4 import FRAGMENTED, FragmentedMp4

SUFFIXES = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}
MIN_FREE = 32 << 20  # bytes: OpenCV does not report a full disk
CHECK_EVERY = 30  # frames
CARD_S = 1.0  # length of the NO SIGNAL card for a loss, however long
MAX_GAP_S = 10.0  # longer gaps are shortened


def check_suffix(path: Path) -> None:
    """Refuse a file name without the suffix of a known container."""
    if path.suffix.lower() not in SUFFIXES:
        raise UsageError(f"--record {path} must end in {', '.join(SUFFIXES)}")


class VideoSink(Sink):
    """Writes annotated frames so that the video plays as fast as it happened, at the source's nominal rate.

    A missing frame is replaced by a copy of the one before; surplus frames of a camera or a stream, also of a
    `replayed` one, are dropped. Every frame of a file is kept. Frames of another size than the first are letterboxed.
    """

    wants_picture = True

    def __init__(
        self, path: Path, fps: float, *, still: bool = False, replayed: bool = False, overwrite: bool = False
    ) -> None:
        check_suffix(path)
        self.name = f"--record {path}"
        self._shown = path
        path = path.resolve() if path.is_symlink() else path.absolute()  # FFmpeg takes 2026-11-25T13:00.mp4 for a URL
        self._path = path
        # MPEG-4 counts time in at most 65535 parts of a second, and OpenCV uses thousandths of a frame
        self._fps = fps if fps * 1000 <= 65535 else round(fps, 2)
        self._still = still
        self._replayed = replayed
        self._writer: Any = None
        self._size = (0, 0)
        self._frames = 0
        self._lost = False
        self._previous: NDArray[np.uint8] | None = None
        self._start, self._since_start = 0.0, 0  # moment of the first frame, and frames written since
        self._file = ExitStack()
        self._part = self._make_part(overwrite=overwrite)
        self._fragments = FragmentedMp4(self._part)

    def put(self, result: Result) -> None:
        """Append the annotated frame."""
        self._lost = False
        image = result.frame.image
        if self._writer is None:
            self._open(image.shape[1], image.shape[0])
        if not self._still and self._previous is not None and self._is_surplus(result.frame):
            return
        if (image.shape[1], image.shape[0]) != self._size:
            image = _letterbox(image, *self._size)
        if not self._still:
            self._fill_gap(result.frame.moment)
        self._write(image)
        self._previous = image

    def event(self, event: Event) -> None:
        """Append the card that shows that there was no picture."""
        if not event.interrupts or self._lost or self._writer is None:
            return
        self._lost, self._previous = True, None
        card = draw_no_signal(self._size[1], self._size[0], event.detail)
        for _ in range(round(CARD_S * self._fps)):
            self._write(card)

    def close(self) -> None:
        """Finish the container and rename it; to a numbered name if another program took the name meanwhile."""
        if self._writer is not None:
            self._writer.release()
            self._writer = None
        with suppress(EOFError), self._file:
            if not self._frames:
                raise EOFError  # which deletes the hidden file
            if self._part.suffix == FRAGMENTED:
                self._finish_fragments()

    def _finish_fragments(self) -> None:
        try:
            self._fragments.finish()
        except OSError as error:  # as of a full disk
            say(f"{self.name}: no index ({error.strerror}); the video stays in fragments, in which players seek slowly")

    def _make_part(self, *, overwrite: bool) -> Path:
        """Recover what killed runs left in the folder, then create the hidden file."""
        refuse_existing(self._path, overwrite=overwrite)
        for left in find_leftovers(self._path.parent, FRAGMENTED, *SUFFIXES):
            _recover(left)
        suffix = self._path.suffix.lower().replace(".mp4", FRAGMENTED)
        part = atomic_file(self._path, overwrite=overwrite, suffix=suffix, named=self._set_output)
        return self._file.enter_context(part)

    def _set_output(self, name: Path) -> None:
        self.output = f"video: {self._shown if name == self._path else name}"

    def _open(self, width: int, height: int) -> None:
        self._check_disk()
        code = cv2.VideoWriter.fourcc(*SUFFIXES[self._path.suffix.lower()])
        writer = cv2.VideoWriter(str(self._part), code, self._fps, (width, height))
        if not writer.isOpened():
            raise OSError(f"this OpenCV makes no {self._path.suffix} of {width} x {height} pixels; .avi may work")
        self._writer, self._size = writer, (width, height)

    def _is_surplus(self, frame: Frame) -> bool:
        """Whether the video is a whole frame ahead of a live frame."""
        if frame.stream_at is not None and not self._replayed:
            return False  # of a file
        return self._since_start - (frame.moment - self._start) * self._fps >= 1

    def _fill_gap(self, moment: float) -> None:
        """Repeat the previous frame until `moment`, for `MAX_GAP_S` at most."""
        if self._previous is None:
            self._start, self._since_start = moment, 1
            return
        missing = round((moment - self._start) * self._fps) - self._since_start
        if missing > (most := round(MAX_GAP_S * self._fps)):
            self._start += (missing - most) / self._fps
            missing = most
        for _ in range(missing):
            self._write(self._previous)
        self._since_start += 1 + max(0, missing)

    def _write(self, image: NDArray[np.uint8]) -> None:
        if self._frames % CHECK_EVERY == 0:
            self._check_disk()
            if self._part.suffix == FRAGMENTED:
                self._fragments.update()
        self._frames += 1
        self._writer.write(image)

    def _check_disk(self) -> None:
        if shutil.disk_usage(self._path.parent).free < MIN_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _recover(left: Path) -> None:
    """Give a visible name to a video that a killed run left, or remove it if no frame can be read."""
    suffix = left.suffix
    try:
        if left.stat().st_nlink > 1:  # killed when it had its name already
            left.unlink()
            return
        if suffix == FRAGMENTED:
            FragmentedMp4(left).finish()
            suffix = ".mp4"
        if cv2.VideoCapture(str(left), cv2.CAP_FFMPEG).read()[0]:
            stem = left.name[1:].rpartition(".part-")[0]
            name = take_free_name(left, left.with_name(f"{stem}-recovered{suffix}"), "")
            say(f"recovered {name}, which a run that was killed was recording")
        else:
            left.unlink()
            say(f"removed {left}, of which a run that was killed had recorded nothing that can be read")
    except OSError as error:
        say(f"{left}, which a run that was killed left, cannot be recovered: {error.strerror}")


def _letterbox(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """Scale to fit, with the same proportions, between black bars."""
    scale = min(width / image.shape[1], height / image.shape[0])
    size = max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0]))
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    framed = np.zeros((height, width, 3), np.uint8)
    framed[top : top + size[1], left : left + size[0]] = cv2.resize(image, size)
    return framed
