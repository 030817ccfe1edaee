"""How much of an MP4 or MOV file is to be shown: a phone trims a video by an edit list, and keeps all frames in it."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

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
