"""What a source yields: a frame, a fault (one input that could not be read), or an event (its state changed)."""

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


@dataclass(frozen=True, slots=True)
class Fault:
    """One input that could not be read; the rest go on, and the exit status says so at the end."""

    source: str
    index: int
    reason: str  # one sentence


@dataclass(frozen=True, slots=True)
class Event:
    """The source's state changed."""

    source: str
    state: str  # "live" or "lost"
    at: float  # seconds on time.monotonic()'s clock
    detail: str


Item = Frame | Fault | Event
