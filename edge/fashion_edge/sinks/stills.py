"""Annotated stills: every photo of a folder, or one picture for each new thing a live source shows."""

import os
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import UsageError
from fashion_edge.opencv import cv2
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

JPEG_QUALITY = 90
LONGEST_STEM = 240  # bytes


class StillsSink(Sink):
    """Writes JPEG files into a folder; a name that is taken gets a number, nothing is overwritten."""

    wants_picture = True

    def __init__(self, folder: Path, *, still: bool, root: Path | None = None) -> None:
        self.name = f"--save {folder}"
        self.saved = 0
        self.last: Path | None = None
        self._folder = folder
        self._still = still
        self._root = root  # pictures keep their place below it
        self._text: str | None = None
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"--save {folder} is not a folder that can be written: {error.strerror}") from error

    def put(self, result: Result) -> None:
        """Save the annotated frame if it is a still, or shows something new."""
        text = result.decision.text
        if not self._still and text == self._text:
            return
        self._text = text
        path = self._free(self._name(result))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jpeg(path, result.frame.image)
        self.saved += 1
        self.last = path

    def written(self) -> str:
        """The folder, and the newest picture in it."""
        return f"annotated pictures: {self._folder}" + (f", the last is {self.last}" if self.last else "")

    def _name(self, result: Result) -> Path:
        if not self._still:
            words = re.sub(r"[^\w]+", "_", result.decision.text).strip("_") or "unsure"
            return Path(shorten(f"{result.frame.index:06d}_{words}") + ".jpg")
        source = Path(result.frame.source)
        place = source.relative_to(self._root) if self._root else Path(source.name)
        named = place if place.suffix.lower() in (".jpg", ".jpeg") else place.with_name(place.name + ".jpg")
        return named.with_stem(shorten(named.stem))

    def _free(self, name: Path) -> Path:
        path, number = self._folder / name, 1
        while path.exists():
            number += 1
            path = self._folder / name.with_stem(f"{name.stem}-{number}")
        return path


def shorten(stem: str) -> str:
    """Whole letters of `stem`: a name may have 255 bytes, and a suffix and a number must find room."""
    return os.fsencode(stem)[:LONGEST_STEM].decode(errors="ignore") if len(os.fsencode(stem)) > LONGEST_STEM else stem


def write_jpeg(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture (h, w, 3) B, G, R; it has its name only once it is whole.

    Raises:
        OSError: the folder cannot be written or is full, or OpenCV cannot encode it.
    """
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not ok:
        height, width = image.shape[:2]
        raise OSError(f"{path} of {width} x {height} pixels cannot be encoded as JPEG")
    part = path.with_name(f".{os.getpid()}.part")  # short: the name itself may fill what a name can hold
    try:
        part.write_bytes(data.tobytes())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
