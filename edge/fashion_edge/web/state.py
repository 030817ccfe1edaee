"""What the loop writes and the server reads: the newest result, the newest picture, what changed, what was counted."""

import asyncio
import json
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Fault
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_no_signal, draw_result, enlarge
from fashion_edge.result import Result, WallClock, result_record
from fashion_edge.telemetry import Telemetry, read_telemetry
from fashion_edge.web.metrics import Counts

EVERY_S = 2.0


class Machine:
    """The newest reading."""

    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self._process = psutil.Process()
        self._process.cpu_percent()  # the first call starts the measurement
        self.cpu_percent = 0.0  # of one core

    @property
    def memory_bytes(self) -> int:
        """Resident."""
        return int(self._process.memory_info().rss)

    @property
    def cpu_seconds(self) -> float:
        """User and system, since the start of the process."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    async def watch(self) -> None:
        """Read for ever; the sensors in a thread of their own, since a program may have to be asked."""
        while True:
            self.telemetry = await asyncio.to_thread(read_telemetry)
            await asyncio.sleep(EVERY_S)
            self.cpu_percent = float(self._process.cpu_percent())


@dataclass(frozen=True)
class SourceState:
    """Where frames come from, and whether they do."""

    name: str
    state: str  # starting, live, lost or ended
    detail: str  # one sentence, or nothing
    since: float  # monotonic seconds

    def record(self, wall: WallClock) -> dict[str, Any]:
        """For JSON."""
        return {"name": self.name, "state": self.state, "detail": self.detail, "since": wall.iso(self.since)}


def describe_result(result: Result, wall: WallClock) -> dict[str, Any]:
    """A labelled frame: the JSON line's keys, smoothed scores, the box in fractions; rate and ages, null for photos."""
    height, width = result.frame.image.shape[:2]
    box, vitals = result.box, result.vitals
    figures = {
        name: round(getattr(vitals, name), 2) if vitals else None for name in ("fps", "age_p50_ms", "age_p99_ms")
    }
    return {
        **result_record(result, wall),
        "smoothed": {label: round(score, 4) for label, score in result.smoothed.items()},
        "size": [width, height],
        "box": [
            round(part, 4) for part in (box.left / width, box.top / height, box.width / width, box.height / height)
        ],
        **figures,
    }


def silent_s(result: Result | None) -> float | None:
    """Seconds since the newest labelled frame was captured; None before the first."""
    return round(time.monotonic() - result.frame.captured_at, 2) if result else None


def describe_run(board: "Board", telemetry: Telemetry, process: Mapping[str, float], clients: int) -> dict[str, Any]:
    """`/api/state`: the source, the newest result, the model's words, the machine and the run so far."""
    result, counts, space = board.result, board.counts, board.space
    return {
        "source": board.source.record(board.wall),
        "silent_s": silent_s(result),
        "result": describe_result(result, board.wall) if result else None,
        "space": {
            "labels": list(space.labels),
            "groups": {group: list(members) for group, members in space.groups.items()},
            "thresholds": dict(space.thresholds),
        },
        "device": {
            "temperature_c": telemetry.temperature_c,
            "throttled": list(telemetry.throttled),
            "throttled_before": list(telemetry.throttled_before),
            "cpu_percent": process.get("cpu_percent"),
            "memory_mb": process.get("memory_mb"),
        },
        "run": {
            "frames": counts.frames,
            "dropped": counts.dropped,
            "faults": counts.faults,
            "losses": counts.losses,
            "failed_outputs": counts.failed_sinks,
            "clients": clients,
        },
    }


QUALITY = 80
STILL_QUALITY = 92
WIDEST = 1280  # pixels sent to a page; stills keep their size


class Picture:
    """A frame on which nothing is drawn, or the card that says there is none.

    Everything that costs time happens on first use, in the thread of the server.
    """

    def __init__(
        self,
        number: int,
        image: NDArray[np.uint8],
        at: float,
        source: dict[str, Any],
        result: Result | None,
        wall: WallClock,
    ) -> None:
        self.number = number  # grows by one a picture
        self.at = at  # monotonic seconds
        self.result = result  # None for a card
        self._image = image
        self._source = source
        self._wall = wall

    @cached_property
    def message(self) -> bytes:
        """For the page: length of the JSON (4 bytes, big-endian), the JSON, the JPEG."""
        result = describe_result(self.result, self._wall) if self.result else None
        head = json.dumps({"source": self._source, "result": result}, ensure_ascii=False).encode()
        return struct.pack(">I", len(head)) + head + self.jpeg

    @cached_property
    def jpeg(self) -> bytes:
        """The picture alone, at most `WIDEST` pixels wide."""
        image = self._image
        height, width = image.shape[:2]
        if width > WIDEST:
            image = cv2.resize(image, (WIDEST, round(height * WIDEST / width)), interpolation=cv2.INTER_AREA)
        return encode(image, QUALITY)

    @cached_property
    def still(self) -> bytes:
        """Annotated as in a recording, in full size."""
        if self.result is None:
            return encode(self._image, STILL_QUALITY)
        shown = enlarge(replace(self.result, frame=replace(self.result.frame, image=self._image.copy())))
        draw_result(shown)
        return encode(shown.frame.image, STILL_QUALITY)


def encode(image: NDArray[np.uint8], quality: int) -> bytes:
    """B, G, R pixels to JPEG."""
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of {image.shape} cannot be encoded as JPEG")
    return bytes(data)


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
