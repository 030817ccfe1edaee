"""Network streams: their addresses, and the time at which their frames were captured."""

import re
import time
from collections.abc import Callable

from fashion_edge.errors import SourceError
from fashion_edge.opencv import cv2
from fashion_edge.redact import redact
from fashion_edge.sources.base import CameraSettings, Source
from fashion_edge.sources.connect import explain_failure
from fashion_edge.sources.device import CaptureDevice, CvCapture, ReopeningSource, open_video_capture
from fashion_edge.sources.files import REMOTE_TIMEOUTS, VideoSource
from fashion_edge.sources.mjpeg import MjpegCapture, open_mjpeg

PICTURE = re.compile(r"^[^?#]*\.(png|gif|webp|bmp|tiff?)($|[?#])", re.IGNORECASE)  # cameras stream under .jpg
SEGMENTED = re.compile(r"^[^?#]*\.(m3u8|mpd)($|[?#])", re.IGNORECASE)  # frames arrive in whole segments
DRIFT = 200e-6  # largest difference between two clocks, seconds per second: crystals of cameras have 20 to 100e-6
MAX_JUMP_S = 60.0  # a larger step of the time stamps is another clock: the sender was restarted
BACKLOG_S = 10.0  # longest skipping of what gathered while the stream was opened
AT_RATE = 0.8  # of a frame's interval: a wait of so long means that the frame was not there yet
COUNTED = 25, 1_200_000  # units per second of time stamps that FFmpeg counts itself: multipart, and raw video
NO_DURATION = -(2.0**63)  # in units; OpenCV converts it to frames


class StreamClock:
    """Tells when a frame of a stream was captured, by the time stamps of the stream.

    The difference between arrival and time stamp is smallest when nothing waits; what a frame has more than that is
    its delay in buffers of sender, network and decoder. That matches the true delay within 35 ms on RTSP.

    Args:
        held_s: seconds by which the decoder always holds a frame back.
    """

    def __init__(self, held_s: float) -> None:
        self._held_s = held_s
        self._former: tuple[float, float] | None = None  # arrival and time stamp of the former frame
        self._offset = 0.0  # the smallest difference, on a clock that drifts

    def captured_at(self, now: float, stamp: float) -> float:
        """Seconds on the clock of `now` at which the frame that arrived now was captured."""
        offset = now - stamp
        if self._former is None or self._restarted(now, stamp):
            self._offset = offset
        else:
            self._offset = min(offset, self._offset + DRIFT * (now - self._former[0]))
        self._former = now, stamp
        return now - (offset - self._offset) - self._held_s

    def _restarted(self, now: float, stamp: float) -> bool:
        arrived, former = self._former or (now, stamp)
        return stamp < former or abs((stamp - former) - (now - arrived)) > MAX_JUMP_S


def open_stream(url: str, camera: CameraSettings, *, live: bool = True, paced: bool = False) -> Source:
    """Open a stream, which is reopened after a loss, or a file, which ends and loses no frame."""
    name = redact(url)
    if PICTURE.match(url):
        raise SourceError(f"{name} is a picture, not a stream or a video; download it, and give the file as --source")
    first = [_open_url(url, name, live=live)]
    if first[0].finite:
        first.pop().close()
        return VideoSource(url, paced=paced)

    def reopen() -> CaptureDevice:
        return first.pop() if first else _open_url(url, name, live=live)

    return ReopeningSource(name, reopen, live=live, lossy=True, frozen_s=camera.frozen_s)


def _open_url(url: str, name: str, *, live: bool) -> CvCapture | MjpegCapture:
    if url.lower().startswith("http") and (motion_jpeg := open_mjpeg(url, name, every_frame=not live)):
        motion_jpeg.stamps = StreamClock(held_s=0.0)
        return motion_jpeg
    # each thread of the decoder but one holds a frame back: with four, 0.3 s at 10 frames/s
    capture = open_video_capture(url, cv2.CAP_FFMPEG, (*REMOTE_TIMEOUTS, cv2.CAP_PROP_N_THREADS, 1))
    if not capture.isOpened():
        capture.release()
        raise SourceError(f"stream {name} {explain_failure(url)}")
    stream = CvCapture(capture, name)
    if not stream.finite and not SEGMENTED.match(url):
        skip_backlog(stream)
        # FFmpeg's parser completes a frame when the next one begins
        stream.stamps = StreamClock(1 / stream.fps) if has_clock(stream) else None
    return stream


def has_clock(stream: CvCapture) -> bool:
    """Whether the time stamps are the sender's; FFmpeg counts those of raw H.264 at the rate that it declares."""
    units = NO_DURATION * stream.fps / stream.frames if stream.frames else 0.0
    return not any(abs(units / counted - 1) < 1e-6 for counted in COUNTED)


def skip_backlog(stream: CvCapture, clock: Callable[[], float] = time.monotonic) -> None:
    """Skip what gathered while FFmpeg examined the stream, 5 s of it at 5 frames/s: until frames come at their rate."""
    began = before = clock()
    stamp = stream.position_s()
    while before - began < BACKLOG_S and stream.grab():
        now, former, stamp = clock(), stamp, stream.position_s()
        interval = stamp - former if stamp > former else 1 / stream.fps
        if now - before >= AT_RATE * interval:
            return
        before = now
