"""Sinks that write no output: the monochrome check, the check of a replay, and notifications for systemd."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import numpy as np

from fashion_edge.console import say
from fashion_edge.errors import printable
from fashion_edge.frame import Event, Tick
from fashion_edge.recording import Line
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

EVERY_S = 0.5
MONOCHROME_S = 3.0  # without a break, before it is reported
CHROMA = 1.5  # of 255, mean distance between the channels: the noise of a colour sensor is above
GRID = 8
NOTIFY_SOCKET = "NOTIFY_SOCKET"  # set by systemd for a unit of Type=notify
STATUS_EVERY_S = 5.0
MAX_TEXT = 300  # characters of a recorded decision that a message quotes


class MonochromeCheck(Sink):
    """Samples pixels twice a second; reports once each time that colour disappears."""

    name = "the monochrome check"
    wants_clean = True

    def __init__(self) -> None:
        self._reported = False
        self._next = float("-inf")
        self._since: float | None = None

    def put_clean(self, result: Result) -> None:
        """Check the frame, if it is time to."""
        at = result.frame.captured_at
        if at < self._next:
            return
        self._next = at + EVERY_S
        sample = result.frame.image[::GRID, ::GRID].astype(np.int16)
        if self._since is None or np.ptp(sample, axis=2).mean() > CHROMA:
            self._since, self._reported = at, False
        elif at - self._since >= MONOCHROME_S and not self._reported:
            self._reported = True
            say(f"{result.frame.source}: the pictures are grey, so colour labels mean nothing: night mode, infrared?")


class ReplayCheck(Sink):
    """Compares each frame with its recorded line; `same_model` says whether the scores must be identical, too."""

    name = "the check of the replay"

    def __init__(self, lines: Mapping[int, Line], *, same_model: bool) -> None:
        self._lines = lines
        self._same_model = same_model
        self._compared = 0
        self._differing: list[str] = []
        self.failed = False  # the same model with the same settings decided differently

    def put(self, result: Result) -> None:
        """Compare the text and, to the bit, the scores."""
        line = self._lines.get(result.frame.index)
        if line is None:
            return
        self._compared += 1
        same = line.text == result.decision.text
        if self._same_model:
            scores, smoothed = result.score_array.tolist(), result.smoothed_array.tolist()
            same = same and (scores, smoothed) == ([*line.scores], [*line.smoothed])
        if not same:
            self._differing.append(f"frame {line.frame}: {printable(line.text, MAX_TEXT)} | {result.decision.text}")
            self.failed = self._same_model

    def describe(self) -> str:
        """One line for the end of the run."""
        if not self._compared:
            return "replay: no frame was compared"
        exact, why = (", bit for bit", "") if self._same_model else ("", " (another model, runtime or settings)")
        if not self._differing:
            return f"replay: all {self._compared} decisions are the recorded ones{exact}"
        counted = f"{len(self._differing)} of {self._compared} frames differ from the recording{why}"
        return f"replay: {counted}; first {self._differing[0]}"


class NotifySink(Sink):
    """Sends READY with the first frame, WATCHDOG, STATUS and STOPPING to systemd: sd_notify(3)."""

    name = "the service manager"

    def __init__(self, environ: Mapping[str, str] = os.environ, clock: Callable[[], float] = time.monotonic) -> None:
        path = environ[NOTIFY_SOCKET]
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = int(environ.get("WATCHDOG_USEC", 0)) if meant else 0
        self._every_s = microseconds / 3e6 or float("inf")  # three times within the interval
        self._clock = clock
        self._frames = 0
        self._alive_at = self._status_at = float("-inf")

    def put(self, result: Result) -> None:
        """Count a labelled frame."""
        self._frames += 1
        if self._frames == 1:
            self._send("READY=1")
        now = self._send_alive()
        if now - self._status_at >= STATUS_EVERY_S:
            self._status_at = now
            self._send(f"STATUS={result.decision.text}; {self._frames} frames labelled")

    def event(self, event: Event) -> None:
        """Show the state of the source."""
        self._send_alive()
        self._send(f"STATUS={event.source} {event.state}: {event.detail}")

    def tick(self, _: Tick) -> None:
        """Keep the watchdog alive while no frame comes."""
        self._send_alive()

    def close(self) -> None:
        """Announce the end."""
        self._send("STOPPING=1")
        self._socket.close()

    def _send_alive(self) -> float:
        now = self._clock()
        if now - self._alive_at > self._every_s:
            self._alive_at = now
            self._send("WATCHDOG=1")
        return now

    def _send(self, line: str) -> None:
        with suppress(OSError):  # a service manager that is gone must not end the run
            self._socket.sendto(" ".join(line.split()).encode(), self._address)
