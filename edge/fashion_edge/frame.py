"""What a source yields: a frame, a fault (one input that could not be read), an event (its state changed), a tick."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture and the moment it shows.

    The image belongs to whoever holds the frame: the overlay draws on it in place.
    """

    image: NDArray[np.uint8]  # (h, w, 3) B, G, R
    index: int  # counts what the source produced, dropped frames included
    captured_at: float  # seconds on time.monotonic()'s clock: the sensor's time where the driver gives it
    source: str
    capture_s: float = 0.0  # seconds to decode or render it, waiting for the sensor excluded
    stream_at: float | None = None  # seconds on the stream's own clock, where it is not the time of capture: files

    @property
    def moment(self) -> float:
        """When this was, for smoothing over time: on the stream's own clock where it has one."""
        return self.captured_at if self.stream_at is None else self.stream_at


@dataclass(frozen=True, slots=True)
class Fault:
    """One input that could not be read; the rest go on, and the exit status says so at the end."""

    source: str
    index: int
    reason: str  # one sentence


@dataclass(frozen=True, slots=True)
class Event:
    """The state of the source changed, or an output failed."""

    source: str
    state: str  # "live" or "lost"; "failed" for an output, which is then what `source` names
    at: float  # seconds on time.monotonic()'s clock
    detail: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Nothing came for a moment; the loop may look at its clock, its windows and its watchdog."""

    at: float  # seconds on time.monotonic()'s clock


Item = Frame | Fault | Event | Tick
