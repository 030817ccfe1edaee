"""Tells systemd that frames are labelled, that the loop lives, and what it sees."""

import os
import socket
import time
from collections.abc import Callable, Mapping

import numpy as np

from fashion_edge.console import say
from fashion_edge.frame import Event, Tick
from fashion_edge.recording import Line, to_floats
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


class ReplayCheck(Sink):
    """Compares each frame with its recorded line; `same_model` says whether the very same scores must come."""

    name = "the check of the replay"

    def __init__(self, lines: dict[int, Line], *, same_model: bool) -> None:
        self.compared = 0
        self.differing: list[str] = []
        self._lines = lines
        self._same_model = same_model

    @property
    def failed(self) -> bool:
        """Whether the same model under the same settings decided otherwise."""
        return self._same_model and bool(self.differing)

    def put(self, result: Result) -> None:
        """Compare text and, to the bit, scores."""
        line = self._lines.get(result.frame.index)
        if line is None:
            return
        self.compared += 1
        same = line.text == result.decision.text
        if self._same_model:
            scores, smoothed = to_floats(result.score_array), to_floats(result.smoothed_array)
            same = same and (scores, smoothed) == ([*line.scores], [*line.smoothed])
        if not same:
            self.differing.append(f"frame {line.frame}: {line.text} | {result.decision.text}")

    def describe(self) -> str:
        """One line for the end of the run."""
        if not self.compared:
            return "replay: no frame was compared"
        if not self.differing:
            how = ", bit for bit" if self._same_model else ""
            return f"replay: all {self.compared} decisions are the recorded ones{how}"
        why = "" if self._same_model else " (another model, runtime or settings)"
        first = self.differing[0]
        return f"replay: {len(self.differing)} of {self.compared} frames differ from the recording{why}; first {first}"


class Notifier:
    """Sends to systemd; does nothing where nobody listens."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        name = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + name[1:] if name.startswith("@") else name
        self._socket: socket.socket | None = None
        if name.startswith(("/", "@")):
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self.watchdog_s = _watchdog(environ)

    @property
    def listens(self) -> bool:
        """Whether a service manager waits for us."""
        return self._socket is not None

    def send(self, **values: str | int) -> None:
        """Send `KEY=VALUE` lines; a manager that went away is no reason to stop."""
        if self._socket is None:
            return
        text = "\n".join(f"{key}={' '.join(str(value).split())}" for key, value in values.items())
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError:
            return

    def close(self) -> None:
        """Close the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _watchdog(environ: Mapping[str, str]) -> float | None:
    """Seconds within which systemd wants to hear from us; None where it does not."""
    usec, pid = environ.get("WATCHDOG_USEC", ""), environ.get("WATCHDOG_PID", "")
    if not usec.isdecimal() or int(usec) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 1e6


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
