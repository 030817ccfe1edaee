"""Sources that need no camera: the rendered demo scene, and the replay of a recording."""

import time
from collections.abc import Generator
from pathlib import Path

from fashion_edge.errors import ImageError
from fashion_edge.frame import Event, Fault, Frame, Item
from fashion_edge.images import read_image
from fashion_edge.pacing import Pacer, Playback
from fashion_edge.recording import FRAMES, Recording


class DemoSource:
    """Garments that move over changing backgrounds, 640x480 at 30 frames/s; unpaced, every frame is rendered."""

    name = "demo"
    still = False
    prefetch = False
    fps = 30.0
    length = None
    recording = None

    def __init__(self, *, paced: bool = True, seed: int = 0) -> None:
        self.live = paced
        self._seed = seed

    def items(self) -> Generator[Item, None, None]:
        """Frames without end."""
        from fashion_render.demo import DemoScene

        scene = DemoScene(seed=self._seed)
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


class ReplaySource:
    """Every recorded frame once, none dropped; at its original rate if `paced`, for a window."""

    live = False
    prefetch = True

    def __init__(self, folder: Path, *, paced: bool = False) -> None:
        self.recording = Recording(folder)
        self.name = f"replay:{folder}"
        self.still = self.recording.header.still
        self.fps = self.recording.header.fps
        self._paced = paced and not self.still  # no window shows stills

    @property
    def length(self) -> int:
        """Number of recorded frames."""
        return sum(not line.event for line in self.recording.lines())

    def items(self) -> Generator[Item, None, None]:
        """Frames and events in the recorded order."""
        playback = Playback()
        frames = self.recording.folder / FRAMES
        for line in self.recording.lines():
            if self._paced:
                playback.wait(line.at)
            now = time.monotonic()
            if line.event:
                yield Event(self.name, line.event, now, line.detail)
                continue
            name = f"{self.name}/{FRAMES}/{line.file}" if self.still else self.name
            try:
                image = read_image(frames / line.file)
            except ImageError as error:
                yield Fault(self.name, line.frame, str(error))
            else:
                yield Frame(image, line.frame, now, name, time.monotonic() - now, line.at)

    def describe(self) -> str:
        """What was recorded, and when."""
        return f"{self.name}: recorded from {self.recording.header.source} at {self.recording.header.created}"
