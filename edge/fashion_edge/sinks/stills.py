"""Annotated stills: each photo of a folder, or one picture for each change of a live decision."""

import os
import re
from itertools import chain, count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import clear_leftovers, write_files
from fashion_edge.errors import UsageError
from fashion_edge.opencv import cv2
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

JPEG_QUALITY = 90
LONGEST_STEM = 240  # bytes of the 255 of a file name: a suffix and a number must fit


class StillsSink(Sink):
    """Writes JPEG files into a folder; a name that is taken gets a number, nothing is overwritten."""

    wants_picture = True

    def __init__(self, folder: Path, *, still: bool, root: Path | None = None) -> None:
        self.name = f"--save {folder}"
        self._folder = folder
        self._still = still
        self._root = root  # pictures keep their path below it
        self._text: str | None = None
        self.output = f"annotated pictures: {folder}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            clear_leftovers(folder, ".jpg", ".jpeg", deep=still)
        except OSError as error:
            raise UsageError(f"{self.name} is not a folder that can be written: {error.strerror}") from error

    def put(self, result: Result) -> None:
        """Save the annotated frame if it is a still, or the decision is new."""
        if not self._still and result.text == self._text:
            return
        self._text = result.text
        path = self._find_free(self._name(result))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jpeg(path, result.frame.image)
        self.output = f"annotated pictures: {self._folder}, the last is {path}"

    def _name(self, result: Result) -> Path:
        if not self._still:
            return Path(shorten(f"{result.frame.index:06d}_{to_words(result.decision.text) or 'unsure'}") + ".jpg")
        source = Path(result.frame.source)
        place = source.relative_to(self._root) if self._root else Path(source.name)
        named = place if place.suffix.lower() in (".jpg", ".jpeg") else place.with_name(place.name + ".jpg")
        return named.with_stem(shorten(named.stem))

    def _find_free(self, name: Path) -> Path:
        numbered = (name.with_stem(f"{name.stem}-{number}") for number in count(2))
        return next(path for path in map(self._folder.joinpath, chain([name], numbered)) if not path.exists())


def to_words(text: str) -> str:
    """`red ?` as part of a file name: `red`."""
    return re.sub(r"[^\w]+", "_", text).strip("_")


def shorten(stem: str) -> str:
    """Cut a file name to `LONGEST_STEM` bytes, at a character."""
    data = os.fsencode(stem)
    return data[:LONGEST_STEM].decode(errors="ignore") if len(data) > LONGEST_STEM else stem


def encode(image: NDArray[np.uint8], suffix: str, quality: int) -> bytes:
    """Encode an image (h, w, 3) B, G, R as `.jpg` of a quality, or as `.png` of a compression level."""
    setting = cv2.IMWRITE_JPEG_QUALITY if suffix == ".jpg" else cv2.IMWRITE_PNG_COMPRESSION
    ok, data = cv2.imencode(suffix, image, [setting, quality])
    if not ok:
        height, width = image.shape[:2]
        raise OSError(f"a frame of {width} x {height} pixels cannot be encoded as {suffix}")
    return bytes(data)


def write_jpeg(path: Path, image: NDArray[np.uint8]) -> None:
    """Write an image (h, w, 3) B, G, R atomically."""
    write_files({path: encode(image, ".jpg", JPEG_QUALITY)})
