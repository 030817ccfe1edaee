"""Tells systemd that frames are labelled, that the loop lives, and what it sees."""

import time
from collections.abc import Callable

from fashion_edge.frame import Event, Tick
from fashion_edge.result import Result
from fashion_edge.service import Notifier
from fashion_edge.sinks.base import Sink

STATUS_EVERY_S = 5.0


class NotifySink(Sink):
    """READY with the first frame, WATCHDOG three times as often as asked for, also while a camera is lost."""

    name = "the service manager"

    def __init__(self, notifier: Notifier, clock: Callable[[], float] = time.monotonic) -> None:
        self._notifier = notifier
        self._clock = clock
        self._ready = False
        self._frames = 0
        self._alive_at = self._status_at = float("-inf")

    def put(self, result: Result) -> None:
        """A frame was labelled."""
        self._frames += 1
        if not self._ready:
            self._ready = True
            self._notifier.send(READY=1)
        now = self._alive()
        if now - self._status_at >= STATUS_EVERY_S:
            self._status_at = now
            self._notifier.send(STATUS=f"{result.decision.text}; {self._frames} frames labelled")

    def event(self, event: Event) -> None:
        """The source's state changed."""
        self._alive()
        self._notifier.send(STATUS=f"{event.source} {event.state}: {event.detail}")

    def tick(self, tick: Tick) -> None:  # noqa: ARG002  # the clock is asked for each
        """Nothing came, and the loop lives."""
        self._alive()

    def close(self) -> None:
        """The run ends."""
        self._notifier.send(STOPPING=1)
        self._notifier.close()

    def _alive(self) -> float:
        now = self._clock()
        every = self._notifier.watchdog_s
        if every is not None and now - self._alive_at >= every / 3:
            self._alive_at = now
            self._notifier.send(WATCHDOG=1)
        return now
