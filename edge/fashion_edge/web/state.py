"""What the frame loop writes and the server reads: newest result and picture, recent changes, counters; the host."""

import asyncio
import re
import struct
import time
from bisect import bisect_left
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Fault
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_no_signal, draw_result, enlarge
from fashion_edge.result import Result, Vitals, WallClock, result_record
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.stills import encode
from fashion_edge.telemetry import Telemetry, read_telemetry
from fashion_edge.typed_json import encode_json

COUNTED = ("frames", "dropped", "faults", "losses", "failed_outputs")
MONITOR_INTERVAL_S = 2.0
JPEG_QUALITY = 80
STILL_QUALITY = 92
MAX_WIDTH = 1280  # pixels, of pictures for a page; stills keep their size
MAX_CHANGES = 100
AGE_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.033, 0.05, 0.1, 0.2, 0.5, 1.0)
CARD_SIZE = (480, 640)  # height and width of the no-signal card before the first frame


class HostMonitor:
    """Temperature, throttling, CPU and memory of this process, read every two seconds."""

    def __init__(self) -> None:
        self.telemetry = Telemetry()
        self.process = psutil.Process()
        self._cpu_percent = self.process.cpu_percent()  # of one core; the first call starts the measurement

    async def run(self) -> None:
        """Read until cancelled; sensors in a thread, since reading them may start a program."""
        while True:
            self.telemetry = await asyncio.to_thread(read_telemetry)
            await asyncio.sleep(MONITOR_INTERVAL_S)
            self._cpu_percent = self.process.cpu_percent()

    def record(self) -> dict[str, Any]:
        """For JSON."""
        names = ("temperature_c", "throttled", "throttled_before")
        memory_mb = round(self.process.memory_info().rss / 1e6, 1)
        figures = {name: getattr(self.telemetry, name) for name in names}
        return {**figures, "cpu_percent": self._cpu_percent, "memory_mb": memory_mb}


class Counters:
    """Totals since the start of the run; written by the frame loop's thread alone."""

    def __init__(self) -> None:
        self.frames = self.faults = self.losses = self.failed_outputs = 0
        self.dropped = 0  # frames of the source that were not labelled
        self.age_sum_s = 0.0
        self.ages = [0] * (len(AGE_BUCKETS_S) + 1)  # frames per bucket; the last one is +Inf
        self.stages_s: dict[str, float] = {}
        self._index: int | None = None

    def add_frame(self, result: Result) -> None:
        """Count a labelled frame."""
        index = result.frame.index
        self.dropped += max(0, index - self._index - 1) if self._index is not None else 0
        self._index = index
        self.frames += 1
        self.age_sum_s += result.age_s
        self.ages[bisect_left(AGE_BUCKETS_S, result.age_s)] += 1
        for stage, seconds in result.stages_s.items():
            self.stages_s[stage] = self.stages_s.get(stage, 0.0) + seconds

    def add_fault(self, fault: Fault) -> None:
        """Count an input that could not be read; it does not count as dropped."""
        self.faults += 1
        self._index = fault.index


def _source_record(source: Event, wall: WallClock) -> dict[str, Any]:
    return {"name": source.source, "state": source.state, "detail": source.detail, "since": wall.iso(source.at)}


def _live_record(result: Result, wall: WallClock) -> dict[str, Any]:
    """A result as in a JSON line, with smoothed scores and the box in fractions; rate and ages are null for photos."""
    height, width = result.frame.image.shape[:2]
    box, vitals = result.box, result.vitals
    fractions = (box.left / width, box.top / height, box.width / width, box.height / height)
    return {
        **result_record(result, wall),
        "smoothed": {label: round(score, 4) for label, score in result.smoothed.items()},
        "size": [width, height],
        "box": [round(part, 4) for part in fractions],
        **{field.name: round(getattr(vitals, field.name), 2) if vitals else None for field in fields(Vitals)},
    }


@dataclass(eq=False)
class Picture:
    """A frame without annotations, or the no-signal card; encoded on first use, in the server's thread."""

    number: int  # 1, 2, 3, ...
    image: NDArray[np.uint8]
    published_at: float  # monotonic seconds
    source: dict[str, Any]
    result: Result | None  # None for the card
    wall: WallClock

    @cached_property
    def message(self) -> bytes:
        """For the page: length of the JSON (4 bytes, big-endian), the JSON, the JPEG."""
        result = _live_record(self.result, self.wall) if self.result else None
        head = encode_json({"number": self.number, "source": self.source, "result": result})
        return struct.pack(">I", len(head)) + head + self.jpeg

    @cached_property
    def jpeg(self) -> bytes:
        """The picture alone, at most `MAX_WIDTH` pixels wide."""
        image = self.image
        height, width = image.shape[:2]
        if width > MAX_WIDTH:
            image = cv2.resize(image, (MAX_WIDTH, round(height * MAX_WIDTH / width)), interpolation=cv2.INTER_AREA)
        return encode(image, ".jpg", JPEG_QUALITY)

    @cached_property
    def still(self) -> bytes:
        """Annotated as in a recording, in full size."""
        if self.result is None:
            return encode(self.image, ".jpg", STILL_QUALITY)
        annotated = enlarge(replace(self.result, frame=replace(self.result.frame, image=self.image.copy())))
        draw_result(annotated)
        return encode(annotated.frame.image, ".jpg", STILL_QUALITY)


@dataclass(frozen=True)
class Change:
    """One entry of the history."""

    number: int
    kind: str  # decision, fault, or the state of an `Event`
    record: dict[str, Any]  # "at", "text" and more


class LiveState(Sink):
    """Written by the frame loop's thread, read by the server's; neither waits for the other."""

    wants_clean = True

    def __init__(self, space: LabelSpace, source: str, detail: str = "") -> None:
        self.space = space
        self.wall = WallClock()
        self.wanted = False  # a client waits for a picture
        self.counters = Counters()
        self.source = Event(source, "starting", time.monotonic(), detail)
        self.result: Result | None = None  # the loop reuses its image: do not read it
        self.picture: Picture | None = None
        self.changes: tuple[Change, ...] = ()  # oldest first; replaced as a whole, so that readers need no lock
        self.run_id = f"{time.time_ns():x}"  # change numbers of another run mean nothing in this one
        self._clean: Result | None = None
        self._text: str | None = None
        self._detail = detail  # of the live source: size, rate and format
        self._size = CARD_SIZE
        self._pictures = self._changed = 0

    def notify(self) -> None:
        """Called when there is a new picture or change."""

    def put_clean(self, result: Result) -> None:
        """Copy a frame that has no annotations yet, if a client waits for one."""
        self._clean = result
        if self.source.state != "lagging":  # single frames that are in time do not end that
            self._set_live(time.monotonic(), self._detail)
        if self.wanted:
            self.wanted = False
            copy = replace(result, stages_s=dict(result.stages_s))  # the loop adds "draw" to its own later
            self._set_picture(result.frame.image.copy(), copy)

    def put(self, result: Result) -> None:
        """Add a labelled frame; of one that was enlarged for its annotations, the original."""
        result, self._clean = self._clean or result, None
        self.result = result
        self.counters.add_frame(result)
        if result.text != self._text:
            self._text = result.text
            decided = {"decision": dict(result.decision.by_group), "labels": list(result.labels)}
            self._add_change("decision", result.text, result.frame.captured_at, decided)

    def fault(self, fault: Fault) -> None:
        """Add an input that could not be read."""
        self.counters.add_fault(fault)
        if not fault.repeated:
            self._add_change("fault", fault.reason, time.monotonic(), {"source": fault.source})

    def event(self, event: Event) -> None:
        """Add a state change; once the source is lost or late there is no newest result, and the picture is a card."""
        self._add_change(event.state, event.detail, event.at, {"source": event.source})
        if event.state == "failed":
            self.counters.failed_outputs += 1
        elif event.state == "live":
            self._set_live(event.at, event.detail)
        elif event.interrupts:
            first = self.source.state != event.state
            self.source = event if first else replace(event, at=self.source.at)
            self.result = self._text = None
            self.counters.losses += first and event.state == "lost"
            self._set_picture(draw_no_signal(*self._size, event.detail), None)

    def current_picture(self, since: float) -> Picture | None:
        """The newest valid picture: the card without a signal, else a frame published after `since`."""
        picture, state = self.picture, self.source.state
        if picture is None or state == ("live" if picture.result is None else "lost"):
            return None
        return picture if picture.result is None or picture.published_at >= since else None

    def changes_after(self, number: int) -> list[Change]:
        """Changes with a higher number, oldest first."""
        return [change for change in self.changes if change.number > number]

    def change_number(self, event_id: str) -> int:
        """The number in an event id, RUN-NUMBER; 0 if it is of another run or not valid."""
        found = re.fullmatch(rf"{self.run_id}-(\d{{1,18}})", event_id, re.ASCII)
        return int(found[1]) if found else 0

    def record(self, device: dict[str, Any], clients: int) -> dict[str, Any]:
        """The document of `/api/state`."""
        result, space = self.result, self.space
        return {
            "source": _source_record(self.source, self.wall),
            "silent_s": round(time.monotonic() - result.frame.captured_at, 2) if result else None,
            "result": _live_record(result, self.wall) if result else None,
            "space": {"labels": space.labels, "groups": dict(space.groups), "thresholds": dict(space.thresholds)},
            "device": device,
            "run": {**{name: getattr(self.counters, name) for name in COUNTED}, "clients": clients},
        }

    def _set_live(self, at: float, detail: str) -> None:
        if self.source.state != "live":
            self._detail = detail
            self.source = Event(self.source.source, "live", at, detail)

    def _set_picture(self, image: NDArray[np.uint8], result: Result | None) -> None:
        self._size = image.shape[0], image.shape[1]
        self._pictures += 1
        source = _source_record(self.source, self.wall)
        self.picture = Picture(self._pictures, image, time.monotonic(), source, result, self.wall)
        self.notify()

    def _add_change(self, kind: str, text: str, at: float, details: dict[str, Any]) -> None:
        self._changed += 1
        change = Change(self._changed, kind, {"at": self.wall.iso(at), "text": text, **details})
        self.changes = (*self.changes[1 - MAX_CHANGES :], change)
        self.notify()
