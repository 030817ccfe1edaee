"""Cameras, streams and video files through OpenCV's VideoCapture."""

import re
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Fault, Frame, Item
from fashion_edge.images import MAX_PIXELS
from fashion_edge.opencv import load_cv2
from fashion_edge.pace import Pacer

OPEN_TIMEOUT_MS = 5_000
READ_TIMEOUT_MS = 5_000
BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 5.0)  # waits between attempts to reopen; the last one repeats
SENSOR_CLOCK_SLACK_S = 2.0  # a driver's time stamp further off than this is of another clock
DEFAULT_FPS = 30.0
COMPLETE = 0.9  # containers estimate their frame count; far fewer decoded means damage


class VideoSource:
    """A video file, every frame once; paced to its own rate when a person looks on."""

    still = False

    def __init__(self, path: Path, *, paced: bool = False) -> None:
        self.name = str(path)
        self.live = paced
        capture = self._open()
        self.fps = _rate(capture)
        self._shape = _shape(capture)
        capture.release()

    def items(self) -> Generator[Item, None, None]:
        """Frames until the file ends."""
        capture = self._open()
        pacer = Pacer(1 / self.fps if self.live else 0.0)
        try:
            index = 0
            while (frame := _read(capture, index, self.name)) is not None:
                pacer.wait()
                yield frame
                index += 1
            declared = int(capture.get(load_cv2().CAP_PROP_FRAME_COUNT))
            if index < declared * COMPLETE:
                yield Fault(
                    self.name, index, f"{self.name} ended after {index} of {declared} frames: cut short or damaged"
                )
        finally:
            capture.release()

    def describe(self) -> str:
        """Size and rate, as the file declares them."""
        return f"{self.name}: {self._shape}, {self.fps:g} frames/s"

    def _open(self) -> Any:
        cv2 = load_cv2()
        _quiet(cv2)
        capture = cv2.VideoCapture(self.name, cv2.CAP_FFMPEG)
        if not capture.isOpened():
            raise SourceError(
                f"{self.name} is not a picture or a video that can be read; mp4 with H.264 works everywhere"
            )
        _check_size(capture, self.name)
        return capture


class _Reopening:
    """A capture that may go away and come back: loss is an event, never an invented frame."""

    still = False

    def __init__(self, name: str, *, live: bool) -> None:
        self.name = name
        self.live = live
        self._first = self._open()
        self.fps = _rate(self._first)
        self._shape = _shape(self._first)

    def _open(self) -> Any:
        raise NotImplementedError

    def describe(self) -> str:
        """Size, rate and format, as negotiated."""
        return f"{self.name}: {self._shape}, {self.fps:g} frames/s"

    def items(self) -> Generator[Item, None, None]:
        """Frames for as long as anybody asks; a lost source is reopened with growing pauses."""
        capture = self._first
        index = 0
        try:
            while True:
                while (frame := _read(capture, index, self.name)) is not None:
                    yield frame
                    index += 1
                if _is_finite(capture):
                    return
                capture.release()
                yield Event(self.name, "lost", time.monotonic(), f"{self.name} gives no frames; trying to reopen it")
                capture = yield from self._reopen()
                yield Event(self.name, "live", time.monotonic(), self.describe())
        finally:
            capture.release()

    def _reopen(self) -> Generator[Item, None, Any]:
        attempt = 0
        while True:
            time.sleep(BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)])
            attempt += 1
            try:
                return self._open()
            except SourceError as error:
                yield Event(self.name, "lost", time.monotonic(), str(error))


class CameraSource(_Reopening):
    """A V4L2 or USB camera by index or /dev path."""

    def __init__(self, device: str, *, live: bool = True) -> None:
        self._device = device if device.startswith("/dev/") else f"/dev/video{device}"
        super().__init__(f"camera:{device}", live=live)

    def _open(self) -> Any:
        if not Path(self._device).exists():
            there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*"))) or "no /dev/video*"
            raise SourceError(
                f"camera {self._device} does not exist ({there} found); run fashion-doctor to see cameras"
            )
        cv2 = load_cv2()
        _quiet(cv2)
        capture = cv2.VideoCapture(self._device, cv2.CAP_V4L2)
        if not capture.isOpened():
            capture.release()
            raise SourceError(
                f"camera {self._device} cannot be opened: busy, no camera, or no permission; run fashion-doctor"
            )
        return capture


class StreamSource(_Reopening):
    """An rtsp or http stream; a password in the URL is not shown."""

    def __init__(self, url: str, *, live: bool = True) -> None:
        self._url = url
        super().__init__(re.sub(r"//[^/@]*@", "//***@", url), live=live)

    def _open(self) -> Any:
        cv2 = load_cv2()
        _quiet(cv2)
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
        capture = cv2.VideoCapture(self._url, cv2.CAP_FFMPEG, limits)
        if not capture.isOpened():
            capture.release()
            raise SourceError(
                f"stream {self.name} does not answer within {OPEN_TIMEOUT_MS / 1000:g} s; check the address"
            )
        _check_size(capture, self.name)
        return capture


def _read(capture: Any, index: int, name: str, clock: Callable[[], float] = time.monotonic) -> Frame | None:
    """Grab, stamp, decode. None when the source gave nothing: the result is checked before anything is converted."""
    if not capture.grab():
        return None
    captured_at = _sensor_time(capture, clock())
    started = clock()
    ok, image = capture.retrieve()
    if not ok or image is None or image.size == 0:
        return None
    return Frame(image, index, captured_at, name, clock() - started)


def _sensor_time(capture: Any, now: float) -> float:
    """The driver's own time stamp where it is on the monotonic clock (V4L2), else now."""
    if capture.getBackendName() != "V4L2":
        return now
    stamp = float(capture.get(load_cv2().CAP_PROP_POS_MSEC)) / 1000
    return stamp if 0 <= now - stamp <= SENSOR_CLOCK_SLACK_S else now


def _is_finite(capture: Any) -> bool:
    return float(capture.get(load_cv2().CAP_PROP_FRAME_COUNT)) > 0


def _rate(capture: Any) -> float:
    fps = float(capture.get(load_cv2().CAP_PROP_FPS))
    return fps if 0 < fps <= 1000 else DEFAULT_FPS


def _shape(capture: Any) -> str:
    cv2 = load_cv2()
    code = int(capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
    letters = code.to_bytes(4, "little").decode("ascii", "replace")
    size = f"{int(capture.get(cv2.CAP_PROP_FRAME_WIDTH))}x{int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))}"
    return f"{size} {letters.strip()}" if letters.isprintable() and letters.strip() else size


def _check_size(capture: Any, name: str) -> None:
    cv2 = load_cv2()
    width, height = int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)), int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
    if width * height > MAX_PIXELS:
        capture.release()
        raise SourceError(
            f"{name} declares frames of {width}x{height}, above the limit of {MAX_PIXELS / 1e6:g} megapixels"
        )


def _quiet(cv2: Any) -> None:
    """OpenCV's own chatter says in three lines what our error says in one."""
    getattr(cv2.utils, "logging", cv2).setLogLevel(0)  # the function moved in OpenCV 5
