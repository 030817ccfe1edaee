"""The interface of a source, and the settings of a camera."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from fashion_edge.errors import UsageError
from fashion_edge.frame import Item
from fashion_edge.recording import Recording

FROZEN_S = 5.0


class Source(Protocol):
    """Yields frames, faults and events. It is opened by its constructor or with its first item."""

    name: str
    live: bool  # frames come at their own rate and only the newest one matters
    prefetch: bool  # frames may be read ahead of the loop, since they do not age
    still: bool  # frames are unrelated: no smoothing, and the whole picture is classified
    fps: float  # nominal frames per second, for video files

    @property
    def length(self) -> int | None:
        """Number of frames as far as is declared; None where there is no end or it is not known."""
        ...

    @property
    def recording(self) -> Recording | None:
        """What a replay plays."""
        ...

    def items(self) -> Generator[Item, None, None]:
        """A generator; closing it releases what it opened."""
        ...

    def describe(self) -> str:
        """One line for the start of the run: size, rate and format, as negotiated."""
        ...


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
