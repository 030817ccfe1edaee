"""A recording as a source: the same frames at the same times, whatever the machine's speed."""

import time
from collections.abc import Generator
from pathlib import Path

from fashion_edge.errors import ImageError
from fashion_edge.frame import Event, Fault, Frame, Item
from fashion_edge.images import read_image
from fashion_edge.readers import Playback
from fashion_edge.recording import FRAMES, read_header, read_lines


class ReplaySource:
    """Every recorded frame once, none dropped; at its own pace when a person looks on."""

    live = False
    ahead = True

    def __init__(self, folder: Path, *, paced: bool = False) -> None:
        self.folder = folder
        self.header = read_header(folder)
        self.name = f"replay:{folder}"
        self.still = self.header.still
        self.fps = self.header.fps
        self._paced = paced and not self.still  # no window shows stills

    @property
    def length(self) -> int:
        """Frames that were recorded."""
        return sum(not line.event for line in read_lines(self.folder))

    def items(self) -> Generator[Item, None, None]:
        """Frames and events in the order in which they were recorded."""
        playback = Playback()
        for line in read_lines(self.folder):
            if self._paced:
                playback.wait(line.at)
            now = time.monotonic()
            if line.event:
                yield Event(self.name, line.event, now, line.detail)
                continue
            name = f"{self.name}/{FRAMES}/{line.file}" if self.still else self.name
            try:
                image = read_image(self.folder / FRAMES / line.file)
            except ImageError as error:
                yield Fault(self.name, line.frame, str(error))
            else:
                yield Frame(image, line.frame, now, name, time.monotonic() - now, line.at)

    def describe(self) -> str:
        """What was recorded, and when."""
        return f"{self.name}: recorded from {self.header.source} at {self.header.created}"
