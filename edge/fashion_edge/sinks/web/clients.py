"""Those who watch: how many may, and how each gets the newest picture at its own pace."""

import asyncio
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager

from fashion_edge.sinks.web.board import Board
from fashion_edge.sinks.web.picture import Picture

MOST = 16  # pages, streams and event readers at once
INTERVAL_S = 1 / 30  # between two pictures of one client


class Pulse:
    """Wakes everybody who waits; belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wait(self) -> Coroutine[None, None, bool]:
        """To be awaited: until the first `fire` after this call."""
        return self._event.wait()

    def fire(self) -> None:
        """Wake those who wait now."""
        event, self._event = self._event, asyncio.Event()
        event.set()


class Clients:
    """Lives in the server's event loop."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.pulse = Pulse()
        self.closing = asyncio.Event()
        self.watching = 0

    @contextmanager
    def seat(self) -> Iterator[bool]:
        """Whether there is room for one more; the place is free again when the block ends."""
        room = self.watching < MOST
        self.watching += room
        try:
            yield room
        finally:
            self.watching -= room

    async def picture(self, after: int) -> Picture | None:
        """The newest picture with a number above `after`; asks the loop for one and waits. None once the run ends.

        One that another client asked for serves this one, too, if it came after that was asked or a moment before.
        """
        since = time.monotonic() - INTERVAL_S
        while not self.closing.is_set():
            picture = self.board.current(since)
            if picture is not None and picture.number > after:
                return picture
            self.board.wanted = True
            await self.pulse.wait()
        return None

    def close(self) -> None:
        """Let everybody go."""
        self.closing.set()
        self.pulse.fire()
