"""What a source is."""

from collections.abc import Generator
from typing import Protocol

from fashion_edge.frame import Item


class Source(Protocol):
    """Yields frames, faults and events. Opening happens in the constructor's checks or on the first item."""

    name: str
    live: bool  # frames come at their own pace and only the newest matters
    still: bool  # frames have nothing to do with each other: no smoothing, the whole picture is looked at
    fps: float  # nominal frames a second, for recordings

    def items(self) -> Generator[Item, None, None]:
        """A generator; closing it releases what it opened."""
        ...

    def describe(self) -> str:
        """One line for the start of the run: size, rate and format, as negotiated."""
        ...
