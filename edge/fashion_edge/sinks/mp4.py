"""An MP4 that survives a crash: fragments while it is written, one index when it is complete (ISO/IEC 14496-12).

A plain MP4 gets its index last, and nothing can be read without it. OpenCV passes no options to FFmpeg's muxers, but
for the suffix .ismv FFmpeg writes fragments, each with an index of its own. At the end they become, in place, the data
of a plain MP4, which every player opens at once: nine hours of fragments took ffprobe 2.3 s, with one index 0.2 s.
"""

import os
import struct
import sys
from array import array
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

FRAGMENTED = ".ismv"
PARENTS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
FTYP = struct.pack(">I4s4sI4s4s", 24, b"ftyp", b"isom", 512, b"isom", b"mp41")
TICKS = 1000  # of each frame: 29.97 frames/s are 29970 ticks/s, as in a file that OpenCV writes
SECOND = 10_000_000  # ticks of a second in a file of fragments


class FragmentedMp4:
    """The file that FFmpeg writes; its frames are counted while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes = array("I")  # bytes of each frame
        self._counts, self._starts = array("I"), array("Q")  # frames of each fragment, and where they are
        self._duration = self._end = 0  # ticks, bytes
        self._moov = b""

    def update(self) -> None:
        """Read the fragments that are complete by now."""
        with self._path.open("rb") as file:
            size, at, moof = file.seek(0, os.SEEK_END), self._end, b""
            while at + 8 <= size:
                file.seek(at)
                length, kind = struct.unpack(">I4s", file.read(8))
                if not 8 <= length <= size - at:
                    return
                at += length
                if kind == b"moof":
                    moof = file.read(length - 8)
                    continue
                if kind == b"moov" and not self._starts:
                    self._moov = file.read(length - 8)
                elif kind != b"ftyp" and not (kind == b"mdat" and self._add(moof)):
                    return
                self._end = at

    def _add(self, moof: bytes) -> bool:
        """Count the frames of a fragment; returns False for what a power cut left half written."""
        body = dict(_boxes(dict(_boxes(moof)).get(b"traf", b""))).get(b"trun", b"").ljust(12, b"\0")
        flags, count, start = struct.unpack_from(">IIi", body)
        first, width = 12 + (flags & 4), (flags & 0xF00).bit_count()  # duration, size, and perhaps more of each frame
        if flags & 0x300 != 0x300 or len(body) < first + 4 * count * width:
            return False
        rows = struct.unpack_from(f">{count * width}I", body, first)
        self._duration += sum(rows[::width])
        self._sizes.extend(rows[1::width])
        self._counts.append(count)
        self._starts.append(self._end + start)
        return True

    def finish(self) -> None:
        """Make the file a plain MP4; one without a complete fragment stays as it is."""
        self.update()
        if not self._duration:
            return
        with self._path.open("r+b") as file:
            file.truncate(self._end)
            file.seek(self._end)
            file.write(self._make_index())
            file.flush()
            os.fsync(file.fileno())  # up to here the file has fragments, from the next line on one index
            file.seek(0)
            file.write(FTYP + struct.pack(">I4sQ", 1, b"mdat", self._end - len(FTYP)))

    def _make_index(self) -> bytes:
        frames = len(self._sizes)
        rate = round(frames * TICKS * SECOND / self._duration)  # ticks per second
        milliseconds, tables = round(frames * TICKS * 1000 / rate), b"".join(self._make_tables())

        def rewrite(kind: bytes, body: bytes) -> bytes:
            """Give a box of the old index, which has no frames, the length and the tables of this video."""
            if kind == b"mdhd":
                body = _put(_put(body, 12, rate, wide=False), 16, frames * TICKS)
            elif kind in (b"mvhd", b"tkhd"):
                body = _put(body, 16 if kind == b"mvhd" else 20, milliseconds)
            elif kind == b"stbl":
                body = _box(*next(_boxes(body))) + tables  # its first box is the codec
            elif kind in PARENTS:
                body = b"".join(rewrite(*box) for box in _boxes(body) if box[0] != b"mvex")  # which says: fragments
            return _box(kind, body)

        return rewrite(b"moov", self._moov)

    def _make_tables(self) -> Iterator[bytes]:
        """Where each frame is: each fragment is a chunk that begins with a key frame."""
        changes = [n for n, count in enumerate(self._counts) if not n or count != self._counts[n - 1]]
        yield _table(b"stts", [len(self._sizes), TICKS], rows=1)
        yield _table(b"stss", accumulate(self._counts[:-1], initial=1))
        yield _table(b"stsc", [x for n in changes for x in (n + 1, self._counts[n], 1)], rows=len(changes))
        yield _table(b"stsz", [len(self._sizes), *self._sizes], rows=0)  # 0: of several sizes
        yield _table(b"co64", self._starts, "Q")


def _put(body: bytes, at: int, value: int, *, wide: bool = True) -> bytes:
    """Replace a number; in version 1 of a box the two times before it have 8 bytes each, as has a length (`wide`)."""
    code, at = (">Q" if body[0] and wide else ">I"), at + 8 * body[0]
    return body[:at] + struct.pack(code, value) + body[at + struct.calcsize(code) :]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    while len(data) >= 8 and (length := int.from_bytes(data[:4])) >= 8:
        yield data[4:8], data[8:length]
        data = data[length:]


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _table(kind: bytes, values: Iterable[int], code: str = "I", *, rows: int | None = None) -> bytes:
    numbers = array(code, values)
    if sys.byteorder == "little":
        numbers.byteswap()
    return _box(kind, struct.pack(">II", 0, len(numbers) if rows is None else rows) + numbers.tobytes())
