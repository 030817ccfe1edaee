"""The interface of a source, and the settings of a camera."""

import re
from abc import ABC, abstractmethod
from collections.abc import Generator
from dataclasses import dataclass

from fashion_edge.defaults import FROZEN_S
from fashion_edge.errors import UsageError
from fashion_edge.frame import Item
from fashion_edge.recording import Recording


class Source(ABC):
    """Yields frames, faults and events. It is opened by its constructor or with its first item."""

    name: str
    fps: float  # nominal frames per second, for video files
    live: bool = False  # frames come at their own rate and only the newest one matters
    prefetch: bool = False  # frames may be read ahead of the loop, since they do not age
    still: bool = False  # frames are unrelated: no smoothing, and the whole picture is classified
    length: int | None = None  # number of frames as far as is declared
    recording: Recording | None = None  # what a replay plays

    @abstractmethod
    def items(self) -> Generator[Item, None, None]:
        """A generator; closing it releases what it opened."""

    @abstractmethod
    def describe(self) -> str:
        """One line for the start of the run: size, rate and format, as negotiated."""


@dataclass(frozen=True)
class CameraSettings:
    """Settings of a camera; None leaves the choice to the camera."""

    size: tuple[int, int] | None = None  # width, height
    fps: float | None = None
    awb: str | None = None  # of a CSI camera: lock, auto, a libcamera mode, or gains RED,BLUE
    frozen_s: float = FROZEN_S  # frozen-feed detection: the same picture for so long counts as a loss; 0 turns it off


def parse_size(text: str) -> tuple[int, int]:
    """Read `640x480`."""
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text.strip().lower())
    if match is None:
        raise UsageError(f"--size {text!r} is not WIDTHxHEIGHT in pixels, such as 640x480")
    return int(match[1]), int(match[2])
