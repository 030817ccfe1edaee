"""An MP4 that survives a crash: fragments while it is written, one index when it is complete (ISO/IEC 14496-12).

A plain MP4 gets its index last, and nothing can be read without it. OpenCV passes no options to FFmpeg's muxers, but
for the suffix .ismv FFmpeg writes fragments, each with an index of its own. At the end they become, in place, the data
of a plain MP4, which every player reads and seeks in. No frame is copied, so a long video ends as fast as a short one.
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
SECOND = 10_000_000  # ticks of a second in such a file
LENGTH_AT = {b"mvhd": 16, b"tkhd": 20}
HEAD = 4096  # bytes: an index of a fragment with the header of its data; a longer index is read again


class FragmentedMp4:
    """The file that FFmpeg writes; its frames are counted while it grows."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sizes = array("I")  # bytes of each frame
        self._counts, self._starts = array("I"), array("Q")  # frames of each fragment, and where they are
        self._duration = 0  # ticks of the file
        self._moov = b""
        self._end = 0

    def update(self, *, last: bool = False) -> None:
        """Read the fragments that are complete by now; for the `last`, its complete frames."""
        with self._path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            while self._end + 16 <= size and (length := self._read_box(file.fileno(), size - self._end, last=last)):
                self._end += length

    def _read_box(self, file: int, room: int, *, last: bool) -> int:
        """Read a box, with the data for a fragment; returns its length, 0 at the end of what is complete."""
        head = os.pread(file, HEAD, self._end)
        length, kind = _header(head)
        if length < 8 or length + 8 > room:
            return 0
        if len(head) < length + 8:
            head = os.pread(file, length + 8, self._end)
        if kind == b"moof":
            data, follows = _header(head, length)
            complete = follows == b"mdat" and (last or length + data <= room)
            return self._add(head[8:length], min(length + data, room)) if complete else 0
        if kind == b"moov" and not self._starts:
            self._moov = head[8:length]
        elif kind != b"ftyp":
            return 0  # FFmpeg's index of the fragments
        return length

    def _add(self, moof: bytes, room: int) -> int:
        """Count the frames of a fragment that fit into `room`; returns where they end, 0 if there are none."""
        body = dict(_boxes(dict(_boxes(moof)).get(b"traf", b""))).get(b"trun", b"").ljust(12, b"\0")
        flags, count, start = struct.unpack_from(">IIi", body)
        fields = [bit for bit in (0x100, 0x200, 0x400, 0x800) if flags & bit]  # duration, size, flags, offset
        first, width = 12 + (flags & 4), len(fields)
        if fields[:2] != [0x100, 0x200] or len(body) < first + 4 * count * width:
            return 0  # half written when the power was cut
        rows: tuple[int, ...] = struct.unpack_from(f">{count * width}I", body, first)
        ends = list(accumulate(rows[1::width], initial=start))
        count = sum(end <= room for end in ends[1:])
        if not count:
            return 0
        self._duration += sum(rows[: count * width : width])
        self._sizes.extend(rows[1 : count * width : width])
        self._counts.append(count)
        self._starts.append(self._end + start)
        return int(ends[count])

    def finish(self) -> None:
        """Make the file a plain MP4; one without a complete frame stays as it is."""
        self.update(last=True)
        if not self._duration:
            return
        with self._path.open("r+b") as file:
            file.truncate(self._end)
            file.seek(self._end)
            try:
                file.write(self._make_index())
                file.flush()
            except OSError:
                file.truncate(self._end)
                raise
            os.fsync(file.fileno())  # up to here the file has fragments, from the next line on one index
            file.seek(0)
            file.write(FTYP + struct.pack(">I4sQ", 1, b"mdat", self._end - len(FTYP)))
            file.flush()
            os.fsync(file.fileno())

    def _tables(self) -> dict[bytes, bytes]:
        """Where each frame is: each fragment is a chunk that begins with a key frame."""
        starts = [0, *accumulate(self._counts)][:-1]
        pairs = zip(self._counts, [0, *self._counts], strict=False)
        runs = [(chunk, count, 1) for chunk, (count, before) in enumerate(pairs, 1) if count != before]
        return {
            b"stts": _table("I", [len(self._sizes), TICKS], 1),
            b"stss": _table("I", [start + 1 for start in starts], len(starts)),
            b"stsc": _table("I", [number for run in runs for number in run], len(runs)),
            b"stsz": bytes(4) + _table("I", self._sizes, len(self._sizes)),
            b"co64": _table("Q", self._starts, len(self._starts)),
        }

    def _make_index(self) -> bytes:
        frames = len(self._sizes)
        rate = round(frames * TICKS * SECOND / self._duration)  # ticks per second
        milliseconds, tables = round(frames * TICKS * 1000 / rate), self._tables()

        def rewrite(kind: bytes, body: bytes) -> bytes:
            """Give a box of the old index, which has no frames, the length and the tables of this video."""
            if kind == b"mvex":
                return b""  # says that there are fragments
            if kind == b"mdhd":
                return _box(kind, _put(_put(body, 12, rate, wide=False), 16, frames * TICKS))
            if kind in LENGTH_AT:
                return _box(kind, _put(body, LENGTH_AT[kind], milliseconds))
            if kind == b"stbl":
                return _box(kind, b"".join(_box(*box) for box in [next(_boxes(body)), *tables.items()]))  # first: codec
            return _box(kind, b"".join(rewrite(*box) for box in _boxes(body)) if kind in PARENTS else body)

        return rewrite(b"moov", self._moov)


def _put(body: bytes, at: int, value: int, *, wide: bool = True) -> bytes:
    """Replace a number; in version 1 of a box the two times before it have 8 bytes each, as has a length (`wide`)."""
    version = body[0]
    code = ">Q" if version and wide else ">I"
    at += 8 * version
    return body[:at] + struct.pack(code, value) + body[at + struct.calcsize(code) :]


def _header(data: bytes, at: int = 0) -> tuple[int, bytes]:
    return int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = _header(data, at)
        if length < 8:
            return
        yield kind, data[at + 8 : at + length]
        at += length


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _table(code: str, values: Iterable[int], rows: int) -> bytes:
    numbers = array(code, values)
    if sys.byteorder == "little":
        numbers.byteswap()
    return struct.pack(">II", 0, rows) + numbers.tobytes()
