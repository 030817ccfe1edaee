"""Photos from disk: one file, or every image below a folder in sorted order."""

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
from fashion_edge.sources.capture import CvCapture, open_video_capture

HEAD = 8  # bytes of a box: its length, big-endian, and four letters
Span = tuple[int, int]  # of a box's content: where it starts and ends in the file
MOST_EDITS = 10_000
MOST_BOXES = 1_000  # of one level: bounds what a hostile file can cost


def shown_s(path: Path) -> float | None:
    """Seconds of the video track that an edit list shows; None where there is no list, or none that can be read."""
    try:
        with path.open("rb") as file:
            return _shown_s(file, path.stat().st_size)
    except (OSError, struct.error):
        return None


def lacks_frame_list(path: Path) -> bool:
    """Whether an MP4 or MOV file ends before the list of its frames: a recorder writes that last."""
    try:
        with path.open("rb") as file:
            kinds = [kind for kind, _, _ in _boxes(file, (0, path.stat().st_size))]
    except (OSError, struct.error):
        return False
    return {b"ftyp", b"mdat"} <= set(kinds) and not {b"moov", b"meta"} & set(kinds)  # a still has the latter


def _shown_s(file: BinaryIO, size: int) -> float | None:
    movie = _find(file, (0, size), b"moov")
    head = movie and _find(file, movie, b"mvhd")
    if not movie or not head:
        return None
    units = _read(file, head[0] + (20 if _version(file, head) else 12), ">I")[0]  # a second, of the movie's clock
    for kind, start, end in _boxes(file, movie):
        if kind == b"trak" and _is_video(file, (start, end)):
            edits = _find(file, (start, end), b"edts")
            table = edits and _find(file, edits, b"elst")
            return sum(_lengths(file, table)) / units if table and units else None
    return None


def _lengths(file: BinaryIO, table: Span) -> Iterator[int]:
    """Units of each edit that shows something; an empty one only delays."""
    entry = ">QqI" if _version(file, table) else ">IiI"
    start, count = table[0] + 8, _read(file, table[0] + 4, ">I")[0]
    for number in range(min(count, MOST_EDITS)):
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
    """Kind of each box between two places of the file, and where its content starts and ends."""
    place, end = span
    for _ in range(MOST_BOXES):
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


SMALL = 640 * 480  # pixels that one thread decodes faster than they are labelled
COMPLETE = 0.9  # containers estimate their frame count; far fewer decoded, and a far shorter time, means damage


class VideoSource:
    """A video file; paced to its own rate when a person looks on."""

    still = False
    live = False  # no frame of a file is ever dropped: where the loop is slower than the file, the file waits
    ahead = True

    def __init__(
        self, place: Path | str, *, paced: bool = False, name: str | None = None, limits: Sequence[int] = ()
    ) -> None:
        """Take the file at a path or a URL, shown as `name`; `limits` are OpenCV's settings of a connection."""
        self.name = name or str(place)
        self._paced = paced
        self._remote = isinstance(place, str)
        self._place = str(place.absolute() if isinstance(place, Path) else place)  # 13:00.mp4 is no protocol
        self._limits = tuple(limits)
        capture = self._open(())
        width, height = capture.size
        # FFmpeg's threads cost a third more processor time, which the labels need, and pay for larger pictures only
        self._settings = (cv2.CAP_PROP_N_THREADS, 1) if width * height <= SMALL else ()
        self.fps = capture.fps
        self._description = capture.describe()
        self.length = self._to_be_shown(capture.frames) if capture.finite else None
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
                # played, a frame is taken when it is due, as a camera's is; a phone's and a screen's rate varies
                asked_at = max(shot.captured_at, playback.wait(stream_at)) if self._paced else shot.captured_at
                yield Frame(shot.image, index, asked_at, self.name, shot.capture_s, stream_at)
                index += 1
            if index == 0:
                yield Fault(self.name, 0, f"{self.name} gives no picture: {self._why_none()}")
            elif max(index, stream_at * self.fps) < COMPLETE * (whole := self._to_be_shown(capture.frames)):
                reason = f"{self.name} ended after {index} of {whole} frames: cut short or damaged"
                yield Fault(self.name, index, reason)
        finally:
            capture.close()

    def describe(self) -> str:
        """Size and rate, as the file declares them."""
        return self._description

    def _why_none(self) -> str:
        if self._remote:  # an mp4 has its list of frames at its end, which a server of whole files cannot be asked for
            return "its server may not give parts of a file, or OpenCV here cannot decode it; download it and give that"
        return "OpenCV here cannot decode it; mp4 or jpg works"

    def _to_be_shown(self, declared: int) -> int:
        """Frames that a whole file gives: its container counts those too that an edit list leaves out."""
        shown = shown_s(Path(self._place))
        return declared if shown is None else min(declared, round(shown * self.fps))

    def _open(self, settings: tuple[int, ...]) -> CvCapture:
        capture = open_video_capture(self._place, cv2.CAP_FFMPEG, self._limits + settings)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.name} {_why_not(Path(self._place))}")
        return CvCapture(capture, self.name)


def _why_not(file: Path) -> str:
    """Why FFmpeg opens it not, which itself does not tell."""
    if file.is_file() and not os.access(file, os.R_OK):
        return "is not for this user to read; mend its mode"
    if file.is_file() and file.stat().st_size == 0:
        return "is empty (0 bytes), not a video"
    if lacks_frame_list(file):
        return "was cut short: the list of its frames, which comes last, is missing; copy or record it again"
    return "is not a picture or a video that can be read; mp4 with H.264 works everywhere"


class StillsSource:
    """Every picture once; one that cannot be read, or a folder of them, is a fault, and the rest go on."""

    live = False
    still = True
    ahead = True
    fps = 1.0

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._recorded = (path / HEADER).is_file()
        self._paths = list(find_images(path, locked=True)) if path.is_dir() else [path]
        self._ignored = [legible(str(other)) for other in find_ignored(path)] if path.is_dir() else []
        if not self._paths:
            raise SourceError(
                f"{path} holds no picture; expected files that end in {', '.join(sorted(SUFFIXES))}{self._left_out()}"
            )

    @property
    def length(self) -> int:
        """Pictures, those that cannot be read among them."""
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
        """How many there are."""
        recorded = f"; --source replay:{self.name} gives them as they were recorded" if self._recorded else ""
        return f"{self.name}: {self.length} picture{'s' if self.length != 1 else ''}{recorded}{self._left_out()}"

    def _left_out(self) -> str:
        """Links are not followed: they may lead out of the folder, or round in it."""
        first = f"; not looked at: {self._ignored[0]}" if self._ignored else ""
        return first + (f" and {len(self._ignored) - 1} more" if len(self._ignored) > 1 else "")


def legible(name: str) -> str:
    r"""A file's name that can be written as UTF-8: a byte that is none stands as `\xff`, and the outputs go on."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
