"""A window on a display, probed before any GUI call: without one OpenCV would end the process."""

import os
import sys

from fashion_edge.opencv import load_cv2
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink

TITLE = "fashion-edge (q quits)"
QUIT_KEYS = (ord("q"), 27)


def why_no_window() -> str | None:
    """The reason why a window cannot be shown here, or None where it can."""
    if not load_cv2().currentUIFramework():
        return "this OpenCV has no GUI (install fashion-edge[window] in place of [headless])"
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    return None


class WindowSink(Sink):
    """Shows each annotated frame; `q`, Esc or closing the window ends the run."""

    name = "the window"
    wants_picture = True

    def __init__(self) -> None:
        self._cv2 = load_cv2()
        self._cv2.namedWindow(TITLE, self._cv2.WINDOW_NORMAL | self._cv2.WINDOW_KEEPRATIO)

    def put(self, result: Result) -> None:
        """Show the frame and read the keyboard."""
        self._cv2.imshow(TITLE, result.frame.image)
        key = self._cv2.waitKey(1) & 0xFF
        closed = self._cv2.getWindowProperty(TITLE, self._cv2.WND_PROP_VISIBLE) < 1
        self.stopped = closed or key in QUIT_KEYS

    def close(self) -> None:
        """Close the window."""
        self._cv2.destroyAllWindows()
