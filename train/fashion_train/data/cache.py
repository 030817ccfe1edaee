"""Photos, decoded once into a temporary file of uint8 pixels and read back one at a time: memory stays bounded."""

import hashlib
import os
import tempfile
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import ImageError
from fashion_edge.images import read_image
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_edge.progress import Progress
from fashion_train.data.split import perceptual_hash

T = TypeVar("T")
Pixels = NDArray[np.uint8]
CHUNK = 512  # pictures in memory at once: 18 MB at 96 x 120


class PixelStore:
    """Pictures of one shape in an unnamed temporary file, which is closed and deleted with the store.

    Reads go through `pread`, not a memory map: mapped pages would count as resident memory.
    """

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.shape = shape
        self._size = int(np.prod(shape))
        self._file = tempfile.TemporaryFile()  # noqa: SIM115  closed by the next line
        weakref.finalize(self, self._file.close)

    def write(self, index: int, picture: Pixels) -> None:
        """Store a picture; safe from several threads."""
        os.pwrite(self._file.fileno(), np.ascontiguousarray(picture).data, index * self._size)

    def read(self, index: int) -> Pixels:
        """A copy of picture `index`; safe from several threads."""
        data = bytearray(os.pread(self._file.fileno(), self._size, index * self._size))
        return np.frombuffer(data, np.uint8).reshape(self.shape)

    def read_many(self, indices: Sequence[int] | NDArray[Any]) -> Pixels:
        """(n, h, w, 3) uint8."""
        found = np.empty((len(indices), *self.shape), np.uint8)  # stacking a list would take twice the memory
        for place, index in enumerate(indices):
            found[place] = self.read(int(index))
        return found

    def chunks(self, indices: Sequence[int]) -> Iterator[Pixels]:
        """The pictures of `read_many` in chunks (n, h, w, 3) uint8."""
        for start in range(0, len(indices), CHUNK):
            yield self.read_many(indices[start : start + CHUNK])


@dataclass(frozen=True)
class Decoded:
    """Decoded files: the pixels of those that could be read, and why the others could not."""

    exact: PixelStore  # as the device sees it: `preprocess` to the input spec
    large: PixelStore  # the same, larger: augmentation crops and rotates before it shrinks
    readable: tuple[int, ...]  # positions in the list of files
    failures: tuple[tuple[str, str], ...]  # (file, one sentence)
    sizes: tuple[tuple[int, int], ...]  # (height, width) of each file's picture, pixels; (0, 0) where unreadable
    content_hashes: tuple[str, ...]  # SHA-256 of the bytes, for each file; "" where unreadable
    perceptual_hashes: tuple[int, ...]  # 64 bits, for each file


def map_threads(function: Callable[[int], T], items: Sequence[int], progress: Progress, title: str) -> list[T]:
    """Call a function for every item, one per core at a time, and show the progress."""
    results: list[T] = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool, progress:
        for result in pool.map(function, items):
            results.append(result)
            progress.update(title, len(results), len(items))
    return results


def decode_all(
    root: Path, files: Sequence[str], spec: InputSpec, large: InputSpec, progress: Progress, title: str
) -> Decoded:
    """Read, resize to both sizes and hash every file below `root`; unreadable files are listed, not fatal."""
    exact_store, large_store = PixelStore(spec.shape), PixelStore(large.shape)

    def decode(index: int) -> tuple[str, int, str, tuple[int, int]]:
        path = root / files[index]
        try:
            frame = read_image(path)
        except ImageError as error:
            return "", 0, str(error), (0, 0)
        exact_store.write(index, preprocess(frame, spec))
        large_store.write(index, preprocess(frame, large))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return digest, perceptual_hash(frame), "", (frame.shape[0], frame.shape[1])

    results = map_threads(decode, range(len(files)), progress, title)
    contents, perceptual, reasons, sizes = zip(*results, strict=True)
    readable = tuple(index for index, reason in enumerate(reasons) if not reason)
    failures = tuple((file, reason) for file, reason in zip(files, reasons, strict=True) if reason)
    return Decoded(exact_store, large_store, readable, failures, sizes, contents, perceptual)
