"""What a source is, and what may be asked of a camera."""

import re
from collections.abc import Generator
from dataclasses import dataclass
from typing import Protocol

from fashion_edge.errors import UsageError
from fashion_edge.frame import Item

FROZEN_S = 5.0


class Source(Protocol):
    """Yields frames, faults and events. Opening happens in the constructor's checks or on the first item."""

    name: str
    live: bool  # frames come at their own pace and only the newest matters
    ahead: bool  # may be read ahead of the loop: what comes next does not grow old
    still: bool  # frames have nothing to do with each other: no smoothing, the whole picture is looked at
    fps: float  # nominal frames a second, for recordings

    @property
    def length(self) -> int | None:
        """Frames from beginning to end, as far as is declared; None where there is no end or nobody knows it."""
        ...

    def items(self) -> Generator[Item, None, None]:
        """A generator; closing it releases what it opened."""
        ...

    def describe(self) -> str:
        """One line for the start of the run: size, rate and format, as negotiated."""
        ...


@dataclass(frozen=True)
class Wish:
    """What is asked of a camera; None leaves it to the camera."""

    size: tuple[int, int] | None = None  # width, height
    fps: float | None = None
    awb: str | None = None  # of a CSI camera: lock, auto, a libcamera mode, or gains RED,BLUE
    frozen_s: float = FROZEN_S  # the same picture for so long counts as a loss; 0 never does


def parse_size(text: str) -> tuple[int, int]:
    """Read `640x480`.

    Raises:
        UsageError: anything else.
    """
    match = re.fullmatch(r"(\d{2,5})x(\d{2,5})", text.strip().lower())
    if match is None:
        raise UsageError(f"--size {text!r} is not WIDTHxHEIGHT in pixels, as 640x480 is")
    return int(match[1]), int(match[2])
