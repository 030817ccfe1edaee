"""Says when a live picture has no colour at all: a colour label would mean nothing."""

import numpy as np

from fashion_edge.console import say
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

EVERY_S = 0.5
SECONDS = 3.0  # grey for so long, without a break
CHROMA = 1.5  # of 255, mean distance between the channels: noise of a colour sensor is above
GRID = 8


class GreyWatch(Sink):
    """Looks at a sample of pixels twice a second; tells once each time that colour goes away."""

    name = "the watch for grey pictures"
    wants_clean = True

    def __init__(self) -> None:
        self.told = False
        self._next = float("-inf")
        self._since: float | None = None

    def put_clean(self, result: Result) -> None:
        """Look at the frame, if it is time to."""
        at = result.frame.captured_at
        if at < self._next:
            return
        self._next = at + EVERY_S
        sample = result.frame.image[::GRID, ::GRID].astype(np.int16)
        if float((sample.max(axis=2) - sample.min(axis=2)).mean()) > CHROMA:
            self._since, self.told = None, False
            return
        self._since = at if self._since is None else self._since
        if at - self._since >= SECONDS and not self.told:
            self.told = True
            say(f"{result.frame.source}: the pictures are grey, so colour labels mean nothing: night mode, infrared?")
