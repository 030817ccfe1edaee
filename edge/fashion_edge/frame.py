"""Frames and what else a source gives; regions of interest."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import MAX_MESSAGE, UsageError, printable


@dataclass(slots=True)  # frozen, making one took 0.7 us instead of 0.17; so for all that is made for each frame
class Frame:
    """One picture and its time.

    The overlay draws on the image in place; copy it to keep it.

    Attributes:
        image: (h, w, 3) uint8 B, G, R.
        index: number of the frame in its source, dropped frames included.
        captured_at: seconds on the clock of `time.monotonic()`; the sensor's time where the driver gives it.
        source: file, address or device.
        capture_s: seconds to decode or render it, without waiting for the sensor.
        stream_at: seconds on the clock of a file, where `captured_at` is only the time of reading.

    Example:
        >>> frame = Frame(np.zeros((480, 640, 3), np.uint8), index=0, captured_at=12.5, source="camera:0")
        >>> frame.moment
        12.5
    """

    image: NDArray[np.uint8] = field(repr=False)
    index: int
    captured_at: float
    source: str
    capture_s: float = 0.0
    stream_at: float | None = None

    @property
    def moment(self) -> float:
        """Time for smoothing, in seconds: on the clock of the stream where it has one."""
        return self.captured_at if self.stream_at is None else self.stream_at


@dataclass(frozen=True, slots=True)
class Fault:
    """One input that could not be read, or that has no valid scores; the source continues."""

    source: str
    index: int
    reason: str  # one sentence
    repeated: bool = False  # another frame of the same stream had it less than a minute ago: count it, print nothing

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", printable(self.reason, MAX_MESSAGE))


@dataclass(frozen=True, slots=True)
class Event:
    """The state of the source changed, or an output failed."""

    source: str
    state: str  # "live", "lost" or "lagging"; "failed" for an output, which `source` then names
    at: float  # seconds on time.monotonic()'s clock
    detail: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "detail", printable(self.detail, MAX_MESSAGE))

    @property
    def interrupts(self) -> bool:
        """Whether the last picture no longer shows what is before the camera."""
        return self.state in ("lost", "lagging")


@dataclass(frozen=True, slots=True)
class Tick:
    """No item for a moment; windows and watchdogs are updated."""

    at: float  # seconds on time.monotonic()'s clock


Item = Frame | Fault | Event | Tick


PORTRAIT = 4 / 5  # width over height: one standing garment, in the shape of the shipped network's input


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels: left, top, width, height."""

    left: int
    top: int
    width: int
    height: int

    def crop(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the part of the image inside the box: a view, nothing is copied."""
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


ROUNDING = 1e-9  # 1 - 0.8 is less than 0.2


@dataclass(frozen=True)
class Roi:
    """Region of interest: `full`, the `guide` box, fractions of the frame (`box`), or `auto`.

    `auto` is the whole picture for a photo and the guide box for live video.
    """

    kind: str = "auto"
    fractions: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)  # left, top, width, height

    @property
    def text(self) -> str:
        """The text that `parse` reads."""
        return ",".join(repr(part) for part in self.fractions) if self.kind == "box" else self.kind

    @classmethod
    def parse(cls, text: str) -> "Roi":
        """Read `auto`, `full`, `guide` or `LEFT,TOP,WIDTH,HEIGHT` in fractions 0..1.

        Raises:
            UsageError: anything else, or a box that leaves the frame.
        """
        if text in ("auto", "full", "guide"):
            return cls(text)
        try:
            left, top, width, height = (float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(f"--roi {text!r} is not auto, full, guide or LEFT,TOP,WIDTH,HEIGHT in fractions") from None
        inside = 0 <= left < 1 and 0 <= top < 1 and width > 0 and height > 0
        if not (inside and left + width <= 1 + ROUNDING and top + height <= 1 + ROUNDING):
            raise UsageError(f"--roi {text} leaves the frame; fractions must lie in 0..1 with left + width at most 1")
        return cls("box", (left, top, width, height))

    def box(self, frame_height: int, frame_width: int, *, still: bool) -> Box:
        """Return the rectangle for a frame of this size; never empty."""
        if self.kind == "full" or (self.kind == "auto" and still):
            return Box(0, 0, frame_width, frame_height)
        if self.kind == "box":
            left, top, width, height = self.fractions
            x, y = int(left * frame_width), int(top * frame_height)
            return Box(x, y, max(1, round(width * frame_width)), max(1, round(height * frame_height)))
        width = max(1, min(frame_width, round(frame_height * PORTRAIT)))
        height = max(1, min(frame_height, round(frame_width / PORTRAIT)))
        return Box((frame_width - width) // 2, (frame_height - height) // 2, width, height)


@dataclass(slots=True)
class ModelInput:
    """A frame and the model's input made of it. It depends on no other frame, so that a reader may prepare it."""

    frame: Frame
    box: Box  # region of interest
    pixels: NDArray[np.uint8] = field(repr=False)  # (height, width, 3) in the model's channel order
    preprocess_s: float
