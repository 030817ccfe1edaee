"""Sources that need no camera: the rendered demo scene, and the replay of a recording."""

import time
from collections.abc import Generator
from pathlib import Path

from fashion_edge.errors import ImageError
from fashion_edge.frame import Event, Fault, Frame, Item
from fashion_edge.pacing import Pacer, Playback
from fashion_edge.recording import FRAMES, Recording
from fashion_edge.sources.base import Source


class DemoSource(Source):
    """Garments that move over changing backgrounds, 640x480 at 30 frames/s; unpaced, every frame is rendered."""

    name = "demo"
    fps = 30.0

    def __init__(self, *, paced: bool = True) -> None:
        self.live = paced

    def items(self) -> Generator[Item, None, None]:
        """Frames without end."""
        from fashion_render.demo import DemoScene

        scene = DemoScene(seed=0)
        pacer = Pacer(1 / self.fps if self.live else 0.0)
        index = 0
        while True:
            index += pacer.wait()
            started = time.monotonic()
            image = scene.frame(index)
            yield Frame(image, index, started, self.name, time.monotonic() - started, index / self.fps)

    def describe(self) -> str:
        """Size and rate."""
        return f"demo: rendered garments, 640x480, {'30 frames/s' if self.live else 'every frame'}"


class ReplaySource(Source):
    """Every recorded frame once, none dropped; at its original rate if `paced`, for a window."""

    prefetch = True

    def __init__(self, folder: Path, *, paced: bool = False) -> None:
        self.recording = recording = Recording(folder)
        self.name = f"replay:{folder}"
        self.still = recording.header.still
        self.fps = recording.header.fps
        self.length = sum(not line.event for line in recording.lines())
        self._recording = recording
        self._paced = paced and not self.still  # no window shows stills

    def items(self) -> Generator[Item, None, None]:
        """Frames and events in the recorded order."""
        playback = Playback()
        for line in self._recording.lines():
            if self._paced:
                playback.wait(line.at)
            now = time.monotonic()
            if line.event:
                yield Event(self.name, line.event, now, line.detail)
                continue
            name = f"{self.name}/{FRAMES}/{line.file}" if self.still else self.name
            try:
                image = self._recording.read_frame(line)
            except ImageError as error:
                yield Fault(self.name, line.frame, str(error))
            else:
                yield Frame(image, line.frame, now, name, time.monotonic() - now, line.at)

    def describe(self) -> str:
        """What was recorded, and when."""
        header = self._recording.header
        return f"{self.name}: recorded from {header.source} at {header.created}"
