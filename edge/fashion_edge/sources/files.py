"""Files as sources: photos, and videos with the parts of their MP4 container that OpenCV does not report."""

import os
import struct
import time
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from fashion_edge.errors import ImageError, SourceError
from fashion_edge.frame import Fault, Frame, Item
from fashion_edge.images import SUFFIXES, find_ignored, find_images, read_image
from fashion_edge.opencv import cv2
from fashion_edge.readers import Playback
from fashion_edge.recording import HEADER
from fashion_edge.sources.device import CvCapture, open_video_capture

HEAD = 8  # bytes of an MP4 box header: length, big-endian, and four letters
Span = tuple[int, int]  # start and end of a box's content in the file
MAX_EDITS = 10_000
MAX_BOXES = 1_000  # of one level: bounds the time for a malicious file


def shown_s(path: Path) -> float | None:
    """Seconds of the video track that its edit list shows; None without a readable list."""
    try:
        with path.open("rb") as file:
            return _shown_s(file, path.stat().st_size)
    except (OSError, struct.error):
        return None


def _lacks_frame_list(path: Path) -> bool:
    """Whether an MP4 or MOV file has no list of its frames: a recorder writes that last."""
    try:
        with path.open("rb") as file:
            kinds = [kind for kind, _, _ in _boxes(file, (0, path.stat().st_size))]
    except (OSError, struct.error):
        return False
    return {b"ftyp", b"mdat"} <= set(kinds) and not {b"moov", b"meta"} & set(kinds)  # a HEIF still has `meta`


def _shown_s(file: BinaryIO, size: int) -> float | None:
    movie = _find(file, (0, size), b"moov")
    head = movie and _find(file, movie, b"mvhd")
    if not movie or not head:
        return None
    units = _read(file, head[0] + (20 if _version(file, head) else 12), ">I")[0]  # per second, of the movie's clock
    for kind, start, end in _boxes(file, movie):
        if kind == b"trak" and _is_video(file, (start, end)):
            edits = _find(file, (start, end), b"edts")
            table = edits and _find(file, edits, b"elst")
            return sum(_lengths(file, table)) / units if table and units else None
    return None


def _lengths(file: BinaryIO, table: Span) -> Iterator[int]:
    """Units of each edit that shows frames; an empty edit only delays."""
    entry = ">QqI" if _version(file, table) else ">IiI"
    start, count = table[0] + 8, _read(file, table[0] + 4, ">I")[0]
    for number in range(min(count, MAX_EDITS)):
        length, begin, _ = _read(file, start + number * struct.calcsize(entry), entry)
        if begin >= 0:
            yield length


def _is_video(file: BinaryIO, track: Span) -> bool:
    media = _find(file, track, b"mdia")
    handler = media and _find(file, media, b"hdlr")
    return handler is not None and _read(file, handler[0] + 8, ">4s") == (b"vide",)


def _version(file: BinaryIO, box: Span) -> int:
    return int(_read(file, box[0], ">B")[0])


def _find(file: BinaryIO, span: Span, kind: bytes) -> Span | None:
    return next(((start, end) for name, start, end in _boxes(file, span) if name == kind), None)


def _boxes(file: BinaryIO, span: Span) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of the content of each box in a part of the file."""
    place, end = span
    for _ in range(MAX_BOXES):
        if place + HEAD > end:
            return
        length, kind = _read(file, place, ">I4s")
        start = place + HEAD
        if length == 1:  # too long for 32 bits
            length, start = _read(file, start, ">Q")[0], start + 8
        elif length == 0:  # the rest
            length = end - place
        if place + length < start:
            return
        yield kind, start, min(end, place + length)
        place += length


def _read(file: BinaryIO, place: int, layout: str) -> tuple[Any, ...]:
    file.seek(place)
    return struct.unpack(layout, file.read(struct.calcsize(layout)))


SMALL = 640 * 480  # pixels that one thread decodes faster than they are classified
COMPLETE = 0.9  # containers estimate their frame count; a smaller share of frames and time means damage


class VideoSource:
    """A video file; at its own rate if `paced`, for a window."""

    still = False
    live = False  # no frame of a file is dropped: it waits for the loop
    prefetch = True
    recording = None

    def __init__(
        self, place: Path | str, *, paced: bool = False, name: str | None = None, timeouts: Sequence[int] = ()
    ) -> None:
        """Open the file at a path or a URL, shown as `name`; `timeouts` are OpenCV's settings of a connection."""
        self.name = name or str(place)
        self._paced = paced
        self._remote = isinstance(place, str)
        self._place = str(place.absolute() if isinstance(place, Path) else place)  # 13:00.mp4 looks like a protocol
        self._timeouts = tuple(timeouts)
        capture = self._open(())
        width, height = capture.size
        # FFmpeg's threads cost a third more processor time, which pays for larger pictures only
        self._settings = (cv2.CAP_PROP_N_THREADS, 1) if width * height <= SMALL else ()
        self.fps = capture.fps
        self._description = capture.describe()
        self.length = self._count_shown(capture.frames) if capture.finite else None
        capture.close()

    def items(self) -> Generator[Item, None, None]:
        """Frames until the file ends."""
        capture = self._open(self._settings)
        playback = Playback()
        try:
            index, stream_at = 0, -1.0
            while (shot := capture.read()) is not None:
                declared = capture.position_s()
                stream_at = declared if declared > stream_at else max(index / self.fps, stream_at + 1 / self.fps)
                # paced, a frame is captured when it is due; the rate of a phone's recording varies
                captured_at = max(shot.captured_at, playback.wait(stream_at)) if self._paced else shot.captured_at
                yield Frame(shot.image, index, captured_at, self.name, shot.capture_s, stream_at)
                index += 1
            if index == 0:
                yield Fault(self.name, 0, f"{self.name} gives no picture: {self._explain_empty()}")
            elif max(index, stream_at * self.fps) < COMPLETE * (whole := self._count_shown(capture.frames)):
                reason = f"{self.name} ended after {index} of {whole} frames: cut short or damaged"
                yield Fault(self.name, index, reason)
        finally:
            capture.close()

    def describe(self) -> str:
        """Size and rate, as the file declares them."""
        return self._description

    def _explain_empty(self) -> str:
        if self._remote:  # the list of frames is at the end of an mp4: the server must support range requests
            return "its server may not give parts of a file, or OpenCV here cannot decode it; download it first"
        return "OpenCV here cannot decode it; mp4 or jpg works"

    def _count_shown(self, declared: int) -> int:
        """Frames that the complete file shows: its container also counts those that an edit list leaves out."""
        shown = shown_s(Path(self._place))
        return declared if shown is None else min(declared, round(shown * self.fps))

    def _open(self, settings: tuple[int, ...]) -> CvCapture:
        capture = open_video_capture(self._place, cv2.CAP_FFMPEG, self._timeouts + settings)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.name} {_explain_unreadable(Path(self._place))}")
        return CvCapture(capture, self.name)


def _explain_unreadable(file: Path) -> str:
    """Why FFmpeg cannot open it, which FFmpeg does not report."""
    if file.is_file() and not os.access(file, os.R_OK):
        return "cannot be read: permission denied; change its mode"
    if file.is_file() and file.stat().st_size == 0:
        return "is empty (0 bytes), not a video"
    if _lacks_frame_list(file):
        return "was cut short: the list of its frames, which comes last, is missing; copy or record it again"
    return "is not a picture or a video that can be read; mp4 with H.264 works everywhere"


class StillsSource:
    """A photo, or each photo below a folder once, in sorted order; one that cannot be read is a fault."""

    live = False
    still = True
    prefetch = True
    fps = 1.0
    recording = None

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._recorded = (path / HEADER).is_file()
        self._paths = list(find_images(path, locked=True)) if path.is_dir() else [path]
        self._ignored = [legible(str(other)) for other in find_ignored(path)] if path.is_dir() else []
        if not self._paths:
            expected = ", ".join(sorted(SUFFIXES)) + self._describe_ignored()
            raise SourceError(f"{path} holds no picture; expected files that end in {expected}")

    @property
    def length(self) -> int:
        """Number of pictures, including unreadable ones."""
        return len(self._paths)

    def items(self) -> Generator[Item, None, None]:
        """Frames in sorted order of their paths."""
        for index, path in enumerate(self._paths):
            started = time.monotonic()
            try:
                image = read_image(path)
            except ImageError as error:
                yield Fault(legible(str(path)), index, legible(str(error)))
            else:
                yield Frame(image, index, started, legible(str(path)), time.monotonic() - started)

    def describe(self) -> str:
        """Number of pictures, and what is ignored."""
        recorded = f"; --source replay:{self.name} gives them as they were recorded" if self._recorded else ""
        return (
            f"{self.name}: {self.length} picture{'s' if self.length != 1 else ''}{recorded}{self._describe_ignored()}"
        )

    def _describe_ignored(self) -> str:
        """Links are not followed: they may lead out of the folder, or form a loop."""
        first = f"; ignored: {self._ignored[0]}" if self._ignored else ""
        return first + (f" and {len(self._ignored) - 1} more" if len(self._ignored) > 1 else "")


def legible(name: str) -> str:
    r"""A file name that can be written as UTF-8; other bytes are escaped as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
