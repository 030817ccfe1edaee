"""The rendered demo scene as a source: garments that move over changing backgrounds, no camera needed."""

import time
from collections.abc import Generator

from fashion_edge.frame import Frame, Item
from fashion_edge.readers import Pacer


class DemoSource:
    """640x480 at 30 frames a second; unpaced, every frame is rendered and none is dropped."""

    name = "demo"
    still = False
    ahead = False
    fps = 30.0
    length = None

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
