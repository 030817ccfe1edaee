"""The Raspberry Pi's CSI camera through picamera2: channel order, settled white balance, time stamps of the sensor."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import SourceError, UsageError, brief
from fashion_edge.opencv import cv2
from fashion_edge.sources.base import CameraSettings
from fashion_edge.sources.device import DEFAULT_FPS, ReopeningSource, SensorClock, Shot

FORMATS = {  # bytes a pixel, 0 where the colours follow the brightness; OpenCV's conversion
    "RGB888": (3, ""),
    "BGR888": (3, "COLOR_RGB2BGR"),
    "XRGB8888": (4, "COLOR_BGRA2BGR"),
    "XBGR8888": (4, "COLOR_RGBA2BGR"),
    "NV12": (0, "COLOR_YUV2BGR_NV12"),
    "NV21": (0, "COLOR_YUV2BGR_NV21"),
    "YUV420": (0, "COLOR_YUV2BGR_I420"),
    "YVU420": (0, "COLOR_YUV2BGR_YV12"),
}
SIZE = (640, 480)
READ_TIMEOUT_S = 3.0
SETTLE_S = 2.0  # longest wait for the white balance to settle
SETTLED_FRAMES, SETTLED_STEP = 5, 0.01  # gains settled: so many frames in a row, with smaller relative changes
MODES = {"incandescent": 1, "tungsten": 2, "fluorescent": 3, "indoor": 4, "daylight": 5, "cloudy": 6}  # libcamera's


def to_bgr(buffer: NDArray[np.uint8], layout: str, size: tuple[int, int], stride: int) -> NDArray[np.uint8]:
    """Convert a buffer with rows of `stride` bytes to an image (h, w, 3) B, G, R, which may share its memory."""
    width, height = size
    if layout not in FORMATS:
        raise SourceError(f"picamera gives {layout}, not one of {', '.join(FORMATS)}")
    depth, conversion = FORMATS[layout]
    rows = height if depth else height * 3 // 2
    if buffer.size < rows * stride:
        raise SourceError(f"the camera gave {buffer.size} bytes, {layout} of {width}x{height} needs {rows * stride}")
    image: NDArray[np.uint8] = buffer[: rows * stride].reshape(rows, stride)
    if depth:
        image = image[:, : width * depth].reshape(height, width, depth)
    if conversion:
        image = cv2.cvtColor(np.ascontiguousarray(image), getattr(cv2, conversion))[:, :width]
    return np.ascontiguousarray(image)


def open_picamera(text: str, settings: CameraSettings, *, live: bool = True) -> ReopeningSource:
    """Open `picamera` or `picamera:N`, which is reopened after a loss."""
    number = text.partition(":")[2] or "0"
    if not number.isdecimal():
        raise UsageError(f"--source {text} is not picamera or picamera:N")
    parse_awb(settings.awb)
    return ReopeningSource(text, lambda: PicameraCapture(int(number), settings), live=live, frozen_s=settings.frozen_s)


def parse_awb(text: str | None) -> str | tuple[float, float]:
    """Read `--awb`: `lock` (settle, then hold; the default), `auto`, a mode, or gains `RED,BLUE`."""
    if text is None or text in ("lock", "auto", *MODES):
        return text or "lock"
    try:
        red, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--awb {text!r} is not lock, auto, {', '.join(MODES)} or gains as 1.8,1.6") from None
    if not (0 < red <= 32 and 0 < blue <= 32):
        raise UsageError(f"--awb {text} has gains outside 0..32")
    return red, blue


def load_picamera2() -> Any:
    """The class `picamera2.Picamera2`."""
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:FATAL")  # ten log lines that our error replaces
    logging.getLogger("picamera2").addHandler(logging.NullHandler())
    fix = "sudo apt install python3-picamera2, then python3 -m venv --system-site-packages for the environment"
    try:
        return import_module("picamera2").Picamera2
    except ModuleNotFoundError as error:
        missing = (error.name or "picamera2").partition(".")[0]
        raise SourceError(f"{missing} is not in this environment, and pip has no working one: {fix}") from error
    except (ImportError, ValueError, AttributeError, OSError) as error:  # ValueError: built for another numpy
        why = brief(error)
        fix = "run fashion-doctor for the command that fixes it" if "numpy" in why else fix
        raise SourceError(f"picamera2 cannot be imported ({why}): {fix}") from error


class PicameraCapture:
    """A configured, running camera; each request is released as soon as its pixels are copied."""

    def __init__(self, number: int, settings: CameraSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._stamps = SensorClock()
        self._camera = _acquire(load_picamera2(), number)
        try:
            self._start(settings)
            self._balance = self._set_balance(parse_awb(settings.awb), explicit=settings.awb is not None)
        except BaseException:
            self.close()
            raise

    def read(self) -> Shot | None:
        """Wait for the next frame; None when none comes for `READ_TIMEOUT_S`."""
        try:
            request = self._camera.capture_request(wait=READ_TIMEOUT_S)
        except (TimeoutError, RuntimeError):
            return None
        try:
            now = self._clock()
            buffer, metadata = request.make_buffer("main"), request.get_metadata()
        finally:
            request.release()
        if duration := metadata.get("FrameDuration"):  # microseconds; the sensor may not reach the configured rate
            self.fps = 1e6 / duration
        image = to_bgr(buffer, self._format, self._size, self._stride)
        return Shot(image, self._captured_at(metadata.get("SensorTimestamp"), now), self._clock() - now)

    def describe(self) -> str:
        """Size, format, rate and white balance, as negotiated."""
        width, height = self._size
        return f"picamera {self._model}: {width}x{height} {self._format}, {self.fps:.3g} frames/s, {self._balance}"

    def close(self) -> None:
        """Stop and release the camera."""
        camera, self._camera = self._camera, None
        with suppress(Exception):  # an unplugged camera cannot be stopped
            camera.stop()
        with suppress(Exception):
            camera.close()

    def _captured_at(self, nanoseconds: int | None, now: float) -> float:
        """The sensor's time on time.monotonic()'s clock; libcamera counts from boot, including suspended time."""
        if nanoseconds is None:
            return now
        stamp = nanoseconds / 1e9
        suspended = time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
        return self._stamps.captured_at(now, stamp, stamp - suspended)

    def _start(self, settings: CameraSettings) -> None:
        size, self.fps = settings.size or SIZE, settings.fps or DEFAULT_FPS
        main, controls = {"size": size, "format": "RGB888"}, {"FrameRate": self.fps}
        try:
            self._camera.configure(self._camera.create_video_configuration(main=main, controls=controls))
            self._camera.start()
        except (RuntimeError, ValueError) as error:
            why = brief(error)
            raise SourceError(f"picamera cannot give {size[0]}x{size[1]} ({why}); change --size or --fps") from error
        main = self._camera.camera_configuration()["main"]  # libcamera may have adjusted the settings
        self._format, self._stride = str(main["format"]), int(main["stride"])
        self._size = (int(main["size"][0]), int(main["size"][1]))
        self._model = str(self._camera.camera_properties.get("Model", "camera"))
        if settings.size and self._size != settings.size:
            width, height = self._size
            raise SourceError(f"picamera gives {width}x{height} instead of {size[0]}x{size[1]}; change --size")

    def _set_balance(self, awb: str | tuple[float, float], *, explicit: bool) -> str:
        camera = self._camera
        if "AwbEnable" not in camera.camera_controls:
            if explicit and awb != "auto":
                raise SourceError("this camera has no white balance setting; leave --awb out")
            return "no white balance control"
        if isinstance(awb, tuple):
            camera.set_controls({"AwbEnable": False, "ColourGains": awb})
            return f"white balance {awb[0]:g},{awb[1]:g}"
        camera.set_controls({"AwbEnable": True, "AwbMode": MODES.get(awb, 0)})
        if awb != "lock":
            return f"white balance {awb}"
        gains, settled = self._settle()
        if gains is None:
            return "white balance auto: the camera does not report its gains"
        camera.set_controls({"AwbEnable": False, "ColourGains": gains})
        how = "settled and locked" if settled else f"locked after {SETTLE_S:g} s, not yet settled,"
        return f"white balance {how} at {gains[0]:.2f},{gains[1]:.2f}"

    def _settle(self) -> tuple[tuple[float, float] | None, bool]:
        """Skip frames until the gains are stable; returns the last gains, and whether they are stable."""
        gains: tuple[float, float] | None = None
        stable, deadline = 0, self._clock() + SETTLE_S
        while stable < SETTLED_FRAMES and self._clock() < deadline:
            try:
                request = self._camera.capture_request(wait=READ_TIMEOUT_S)
            except (TimeoutError, RuntimeError) as error:
                raise SourceError("picamera opens but gives no picture; check the ribbon cable") from error
            try:
                found = request.get_metadata().get("ColourGains")
            finally:
                request.release()
            if found is None:
                return None, False
            red, blue = float(found[0]), float(found[1])
            steady = gains is not None and max(abs(red / gains[0] - 1), abs(blue / gains[1] - 1)) < SETTLED_STEP
            stable, gains = stable + 1 if steady else 0, (red, blue)
        return gains, stable >= SETTLED_FRAMES


def _acquire(picamera2: Any, number: int) -> Any:
    cameras = picamera2.global_camera_info()
    if number >= len(cameras):
        found = ", ".join(str(camera.get("Model", camera.get("Id", "?"))) for camera in cameras) or "none"
        fix = "check the cable, then rpicam-hello --list-cameras"
        raise SourceError(f"libcamera finds no camera {number} ({found} found): {fix}")
    try:
        return picamera2(number)
    except (RuntimeError, IndexError) as error:
        raise SourceError(f"camera {number} is in use by this or another program ({error}); end that first") from error
