"""What the loop writes and the server reads: the newest result, the newest picture, what changed, what was counted."""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Fault
from fashion_edge.overlay import draw_no_signal
from fashion_edge.result import Result, WallClock
from fashion_edge.sinks.web.metrics import Counts
from fashion_edge.sinks.web.picture import Picture
from fashion_edge.sinks.web.state import SourceState

REMEMBERED = 100  # changes
CARD_SIZE = (480, 640)  # of the card before the first frame


@dataclass(frozen=True)
class Change:
    """One line of the history."""

    number: int
    kind: str  # decision, lost, live, fault or failed
    record: dict[str, Any]  # "at", "text" and more


class Board:
    """Written by the loop's thread, read by the server's; neither waits for the other's work."""

    def __init__(
        self, space: LabelSpace, source: str, detail: str = "", wake: Callable[[], None] = lambda: None
    ) -> None:
        self.space = space
        self.wall = WallClock()
        self.wake = wake  # called when a picture or a change is there
        self.wanted = False  # a client waits for a picture
        self.counts = Counts()
        self.source = SourceState(source, "starting", detail, time.monotonic())
        self.result: Result | None = None  # its image is not ours to read
        self.picture: Picture | None = None
        self.changes: deque[Change] = deque(maxlen=REMEMBERED)
        self._lock = threading.Lock()
        self._text: str | None = None
        self._detail = detail  # size, rate and format while it is live
        self._size = CARD_SIZE
        self._pictures = 0
        self._changed = 0
        self.run = f"{time.time_ns():x}"  # numbers of another run's changes say nothing in this one

    def show(self, result: Result) -> None:
        """Keep a copy of a frame on which nothing is drawn yet, if anybody waits for one."""
        self._live()
        if not self.wanted:
            return
        self.wanted = False
        shown = replace(result, stages_s=dict(result.stages_s))  # drawing adds its own, while the server reads these
        self._publish(result.frame.image.copy(), shown)

    def count(self, result: Result) -> None:
        """Take note of a labelled frame."""
        self.result = result
        self.counts.frame(result)
        if result.decision.text != self._text:
            self._text = result.decision.text
            said = {"decision": dict(result.decision.by_group), "labels": list(result.decision.labels)}
            self._change("decision", result.decision.text, result.frame.captured_at, said)

    def fault(self, fault: Fault) -> None:
        """Take note of an input that could not be read."""
        self.counts.fault(fault)
        self._change("fault", fault.reason, time.monotonic(), {"source": fault.source})

    def event(self, event: Event) -> None:
        """Take note of a change of state; a lost source is a card, and no result is the newest any more."""
        self._change(event.state, event.detail, event.at, {"source": event.source})
        if event.state == "failed":
            self.counts.failed_sinks += 1
        elif event.state == "live":
            self._live(event)
        elif event.state == "lost":
            first = self.source.state != "lost"
            self.source = SourceState(event.source, "lost", event.detail, event.at if first else self.source.since)
            self.result, self._text = None, None
            self.counts.losses += first
            self._publish(draw_no_signal(*self._size, event.detail), None)

    def current(self, since: float) -> Picture | None:
        """The newest picture, if it shows how things are: a card while the source is lost, or a frame from then on."""
        picture = self.picture
        if picture is None or (picture.result is None) != (self.source.state == "lost"):
            return None
        return picture if picture.result is None or picture.at >= since else None

    def _live(self, event: Event | None = None) -> None:
        if self.source.state != "live":
            at = event.at if event else time.monotonic()
            self._detail = event.detail if event else self._detail
            self.source = SourceState(self.source.name, "live", self._detail, at)

    def _publish(self, image: NDArray[np.uint8], result: Result | None) -> None:
        self._size = image.shape[0], image.shape[1]
        self._pictures += 1
        source = self.source.record(self.wall)
        self.picture = Picture(self._pictures, image, time.monotonic(), source, result, self.wall)
        self.wake()

    def _change(self, kind: str, text: str, at: float, more: dict[str, Any]) -> None:
        self._changed += 1
        record = {"at": self.wall.iso(at), "text": text, **more}
        with self._lock:
            self.changes.append(Change(self._changed, kind, record))
        self.wake()

    def number_of(self, event: str) -> int:
        """The number of a change by its name in `/api/events`, RUN-NUMBER; 0 for one of another run or none at all."""
        run, _, number = event.rpartition("-")
        return int(number) if run == self.run and number.isascii() and number.isdigit() and len(number) < 19 else 0

    def changes_after(self, number: int) -> list[Change]:
        """What changed after a given one, oldest first."""
        with self._lock:
            return [change for change in self.changes if change.number > number]
