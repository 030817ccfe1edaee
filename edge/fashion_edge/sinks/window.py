"""A window on a display, which is probed before any GUI call: without one OpenCV ends the process."""

import os
import socket
import sys
import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import say
from fashion_edge.errors import FashionError
from fashion_edge.frame import Event, Tick
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_hint, draw_no_signal
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.stills import shorten, to_words, write_jpeg
from fashion_edge.sinks.video import VideoSink

TITLE = "fashion-edge"
HELP = "q quit   s still   r record   h help"
WITH_GUI = "pip uninstall -y opencv-python-headless && pip install 'fashion-edge[window]'"
ANSWER_S = 2.0  # timeout for a display on another machine
ESCAPE = "\x1b"
TIME = "%Y-%m-%dT%H-%M-%S-%f"
MAX_WIDTH = 1280  # pixels of the new window, which can be resized


def why_no_window() -> str | None:
    """The reason why a window cannot be shown here, or None if it can."""
    display, wayland = os.environ.get("DISPLAY"), os.environ.get("WAYLAND_DISPLAY")
    linux = sys.platform.startswith("linux")
    if linux and not (display or wayland):
        return "there is no display (DISPLAY is not set)"
    if not cv2.currentUIFramework():
        return f"this OpenCV has no GUI ({WITH_GUI})"
    if linux and display and not wayland and not _answers(display):
        return f"the display {display} does not answer (DISPLAY is of a session that ended)"
    return None


def _answers(display: str) -> bool:
    """Whether an X server listens there: without one Qt ends the process."""
    host, _, screen = display.rpartition(":")
    number = screen.partition(".")[0]
    if not number.isdecimal():
        return True  # an unknown form, such as a path
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"  # noqa: S108
        with socket.socket(socket.AF_UNIX) as probe:
            return 0 in (probe.connect_ex(path), probe.connect_ex(f"\0{path}"))
    try:
        socket.create_connection((host, 6000 + int(number)), ANSWER_S).close()
    except OSError:
        return False
    return True


class WindowSink(Sink):
    """Shows each annotated frame, and the NO SIGNAL card while there is none.

    Keys: `q`, Esc or closing the window end the run; `s` saves a still, `r` starts and ends a video, both in `folder`
    with the date and time as name; `h` shows the keys.
    """

    name = "the window"
    wants_picture = True

    def __init__(
        self, fps: float, folder: Path = Path(), now: Callable[[], datetime] = datetime.now, *, replayed: bool = False
    ) -> None:
        self._fps = fps
        self._replayed = replayed
        self._folder = folder
        self._now = now
        self._result: Result | None = None
        self._shown: NDArray[np.uint8] | None = None
        self._recording: VideoSink | None = None
        self._actions: dict[str, Callable[[], None]] = {"s": self._save, "r": self._record, "h": self._toggle_help}
        self._shows_help = False
        os.environ.setdefault("QT_LOGGING_RULES", "default.warning=false")  # Qt warns of fonts that are not used
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)

    def put(self, result: Result) -> None:
        """Show the frame and read the keyboard."""
        self._result = result
        if self._recording is not None:
            self._attempt("r", partial(self._recording.put, result))
        self._show(result.frame.image)

    def event(self, event: Event) -> None:
        """Show the card, since the last picture would look like a live one."""
        if self._recording is not None:
            self._attempt("r", partial(self._recording.event, event))
        if event.interrupts:
            height, width = self._shown.shape[:2] if self._shown is not None else (480, 640)
            self._result = None
            self._show(draw_no_signal(height, width, event.detail))

    def tick(self, _: Tick) -> None:
        """Keep the window alive while nothing comes."""
        self._read_keys()

    def close(self) -> None:
        """End a video and close the window."""
        self._end_recording()
        if threading.current_thread() is threading.main_thread():  # Qt would wait for this one, which may hang
            cv2.destroyAllWindows()

    def _show(self, image: NDArray[np.uint8]) -> None:
        if self._shown is None:
            height, width = image.shape[:2]
            shrink = min(1.0, MAX_WIDTH / width)
            cv2.resizeWindow(TITLE, round(width * shrink), round(height * shrink))
        self._shown = image
        hint = HELP if self._shows_help else "recording" if self._recording is not None else ""
        if hint:
            image = image.copy()  # the hint must not be in a still
            draw_hint(image, hint)
        cv2.imshow(TITLE, image)
        self._read_keys()

    def _read_keys(self) -> None:
        key = chr(cv2.waitKey(1) & 0xFF)
        if key in self._actions:
            self._attempt(key, self._actions[key])
        closed = cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) < 1
        self.stopped = self.stopped or closed or key in ("q", ESCAPE)

    def _attempt(self, key: str, action: Callable[[], Any]) -> None:
        """Report an error, such as a full disk, without closing the window; it ends a video."""
        try:
            action()
        except (OSError, FashionError) as error:
            say(f"key {key}: {error}")
            if key == "r":
                self._end_recording()

    def _save(self) -> None:
        if self._result is None:
            return
        path = self._find_free(f"_{to_words(self._result.decision.text)}", ".jpg")
        write_jpeg(path, self._result.frame.image)
        say(f"saved {path}")

    def _record(self) -> None:
        if self._recording is None:
            self._recording = VideoSink(self._find_free("", ".mp4"), self._fps, replayed=self._replayed)
        else:
            self._end_recording()

    def _end_recording(self) -> None:
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.close()
            say(f"recorded {recording.output.removeprefix('video: ')}" if recording.output else "nothing was recorded")

    def _toggle_help(self) -> None:
        self._shows_help = not self._shows_help

    def _find_free(self, words: str, suffix: str) -> Path:
        """A free name with the date and time, to the microsecond."""
        while (path := self._folder / (shorten(f"fashion-edge_{self._now():{TIME}}{words}") + suffix)).exists():
            pass
        return path
