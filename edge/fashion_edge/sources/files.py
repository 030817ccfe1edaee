"""Photos, video files, and URLs of streams or of video files."""

import os
import struct
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

from fashion_edge.console import pluralize
from fashion_edge.errors import ImageError, SourceError
from fashion_edge.frame import Fault, Frame, Item
from fashion_edge.images import SUFFIXES, find_ignored, find_images, read_image
from fashion_edge.opencv import cv2
from fashion_edge.pacing import Playback
from fashion_edge.recording import HEADER
from fashion_edge.redact import redact
from fashion_edge.sources.base import Source
from fashion_edge.sources.device import CvCapture, open_video_capture

MAX_BOXES = 1_000  # of one level of an MP4 container: bounds the time for a malicious file
MAX_MOVIE_BYTES = 64 << 20
SMALL = 640 * 480  # pixels that one thread decodes faster than they are classified
COMPLETE = 0.9  # containers estimate their frame count; a smaller share of frames and time means damage
REMOTE_TIMEOUTS = 53, 5_000, 54, 4_000  # milliseconds: CAP_PROP_OPEN_TIMEOUT_MSEC, CAP_PROP_READ_TIMEOUT_MSEC


def shown_s(path: Path) -> float | None:
    """Seconds of the video track that its edit list shows; None without a readable list."""
    try:
        movie = memoryview(_read_container(path).get(b"moov", b""))
        header = _find(movie, b"mvhd")
        (units,) = struct.unpack_from(">I", header, 20 if header[0] else 12)  # per second
        for kind, track in _split(movie):
            if kind == b"trak" and bytes(_find(track, b"mdia", b"hdlr")[8:12]) == b"vide":
                edits = _find(track, b"edts", b"elst")
                return sum(_read_lengths(edits)) / units if edits and units else None
    except (OSError, struct.error, IndexError):
        pass
    return None


def _read_lengths(edits: memoryview) -> Iterator[int]:
    """Units of each edit that shows frames; an empty edit only delays."""
    (count,) = struct.unpack_from(">I", edits, 4)
    entry = struct.Struct(">QqI" if edits[0] else ">IiI")
    for number in range(min(count, len(edits) // entry.size)):
        length, begin, _ = entry.unpack_from(edits, 8 + number * entry.size)
        if begin >= 0:
            yield length


def _read_container(path: Path) -> dict[bytes, bytes]:
    """Kinds of the top-level boxes; `moov`, the description of the tracks, with its content."""
    boxes, place, size = dict[bytes, bytes](), 0, path.stat().st_size
    with path.open("rb") as file:
        for _ in range(MAX_BOXES):
            if place + 8 > size:
                break
            file.seek(place)
            start, length, kind = _read_head(file.read(16), size - place)
            file.seek(place + start)
            boxes[kind] = file.read(min(length - start, MAX_MOVIE_BYTES)) if kind == b"moov" else b""
            place += length
    return boxes


def _split(data: memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Kind and content of each box in a box."""
    for _ in range(MAX_BOXES):
        if len(data) < 8:
            return
        start, length, kind = _read_head(data, len(data))
        yield kind, data[start:length]
        data = data[length:]


def _find(data: memoryview, *kinds: bytes) -> memoryview:
    """Content of a box in a box in a box; empty if there is none."""
    for kind in kinds:
        data = next((content for name, content in _split(data) if name == kind), memoryview(b""))
    return data


def _read_head(data: bytes | memoryview, rest: int) -> tuple[int, int, bytes]:
    """Start of a box's content, its length with the header, and its kind."""
    length, kind = struct.unpack_from(">I4s", data)
    start = 8
    if length == 1:  # too long for 32 bits
        (length,), start = struct.unpack_from(">Q", data, 8), 16
    elif length == 0:  # to the end
        length = rest
    return start, max(start, length), kind


class VideoSource(Source):
    """A video file; at its own rate if `paced`, for a window."""

    prefetch = True  # no frame of a file is dropped: it waits for the loop

    def __init__(self, place: Path | str, *, paced: bool = False) -> None:
        """Open the file at a path or a URL."""
        self._paced = paced
        self._remote = isinstance(place, str)
        self.name = redact(place) if isinstance(place, str) else str(place)
        self._place = str(place.absolute() if isinstance(place, Path) else place)  # 13:00.mp4 looks like a protocol
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
        timeouts = REMOTE_TIMEOUTS if self._remote else ()
        capture = open_video_capture(self._place, cv2.CAP_FFMPEG, timeouts + settings)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.name} {_explain_unreadable(Path(self._place))}")
        return CvCapture(capture, self.name)


def _explain_unreadable(file: Path) -> str:
    """Why FFmpeg cannot open it, which FFmpeg does not report."""
    with suppress(OSError):
        if file.is_file() and not os.access(file, os.R_OK):
            return "cannot be read: permission denied; change its mode"
        if file.stat().st_size == 0:
            return "is empty (0 bytes), not a video"
        kinds = _read_container(file).keys()
        if {b"ftyp", b"mdat"} <= kinds and not {b"moov", b"meta"} & kinds:  # a HEIF still has `meta`
            return "was cut short: the list of its frames, which comes last, is missing; copy or record it again"
    return "is not a picture or a video that can be read; mp4 with H.264 works everywhere"


class StillsSource(Source):
    """A photo, or each photo below a folder once, in sorted order; one that cannot be read is a fault."""

    still = True
    prefetch = True
    fps = 1.0

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._recorded = (path / HEADER).is_file()
        self._paths = list(find_images(path, locked=True)) if path.is_dir() else [path]
        self.length = len(self._paths)  # including unreadable ones
        # links are not followed: they may lead out of the folder, or form a loop
        ignored = [legible(str(other)) for other in find_ignored(path)] if path.is_dir() else []
        more = f" and {len(ignored) - 1} more" if len(ignored) > 1 else ""
        self._ignored = f"; ignored: {ignored[0]}{more}" if ignored else ""
        if not self._paths:
            expected = ", ".join(sorted(SUFFIXES))
            raise SourceError(f"{path} holds no picture; expected files that end in {expected}{self._ignored}")

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
        return f"{self.name}: {pluralize(len(self._paths), 'picture')}{recorded}{self._ignored}"


def legible(name: str) -> str:
    r"""A file name that can be written as UTF-8; other bytes are escaped as `\xff`."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
