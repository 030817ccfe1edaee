"""Opens the source that `--source` names."""

import re
from pathlib import Path

from fashion_edge.defaults import FROZEN_S
from fashion_edge.errors import SourceError, UsageError
from fashion_edge.images import NOTES, SUFFIXES, is_picture
from fashion_edge.redact import redact
from fashion_edge.sources.base import CameraSettings, Source
from fashion_edge.sources.camera import open_camera
from fashion_edge.sources.files import StillsSource, VideoSource
from fashion_edge.sources.picamera import open_picamera
from fashion_edge.sources.simulated import DemoSource, ReplaySource
from fashion_edge.sources.stream import open_stream

REPLAY = "replay:"
VIDEOS = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mjpg", ".mjpeg", ".h264"}
)
OTHER_STILLS = frozenset({".tga", ".jp2", ".pcx", ".psd", ".svg", ".heic", ".heif", ".avif", ".jxl", ".exr", ".dng"})
SCHEMES = "rtsp", "rtsps", "rtmp", "http", "https", "udp", "tcp"
URL = re.compile(rf"^({'|'.join(SCHEMES)})://", re.IGNORECASE)


def open_source(
    text: str, *, every_frame: bool = False, watched: bool = False, camera: CameraSettings | None = None
) -> Source:
    """Open a source.

    Args:
        text: an image, a folder of images, a video file, a stream URL, `demo`, `picamera`, `replay:DIR`, or a camera's
            index or /dev path.
        every_frame: read at the loop's own rate and drop nothing.
        watched: a window shows the frames, so a video file plays at its own rate.
        camera: settings of a camera.

    Raises:
        SourceError: the source does not exist or cannot be read; the message says what to give instead.
        UsageError: a setting that this source does not have.
    """
    camera = camera or CameraSettings()
    check_camera_settings(text, camera)
    live, paced = not every_frame, watched and not every_frame
    if _is_picamera(text):
        return open_picamera(text, camera, live=live)
    if _is_camera(text):
        return open_camera(text, camera, live=live)
    if URL.match(text):
        return open_stream(text, camera, live=live, paced=paced)
    if text == "demo":
        return DemoSource(paced=live)
    if text == REPLAY:
        raise UsageError("--source replay: names no folder; give replay:DIR, a folder made by --record-raw DIR")
    if text.startswith(REPLAY):
        return ReplaySource(Path(text.removeprefix(REPLAY)), paced=paced)
    if "://" in text:
        raise SourceError(f"source {redact(text)} is not a URL that can be read; it begins with {', '.join(SCHEMES)}")
    return _open_path(Path(text), paced=paced)


def check_camera_settings(text: str, camera: CameraSettings) -> None:
    """Refuse settings that a source does not have; opens nothing."""
    if _is_picamera(text):
        return
    name = redact(text)
    if camera.awb is not None:
        raise UsageError(f"--awb {camera.awb} is for --source picamera; {name} keeps its own white balance")
    if (camera.size or camera.fps) and not _is_camera(text):
        raise UsageError(f"--size and --fps are for cameras; {name} has its own")
    if camera.frozen_s not in (0, FROZEN_S) and not may_connect_later(text):
        raise UsageError(f"--frozen {camera.frozen_s:g} is for cameras and streams, not for {name}; leave it out")


def may_connect_later(text: str) -> bool:
    """Whether a source is a camera or a stream, which may be absent now."""
    return _is_picamera(text) or _is_camera(text) or URL.match(text) is not None


def _is_picamera(text: str) -> bool:
    return text == "picamera" or text.startswith("picamera:")


def _is_camera(text: str) -> bool:
    path = Path(text)  # /dev/shm holds files
    return text.isdecimal() or (text.startswith("/dev/") and (path.is_char_device() or not path.exists()))


def _open_path(path: Path, *, paced: bool) -> Source:
    suffix, problem = path.suffix.lower(), None
    if not path.exists():
        problem = "does not exist; give an image, a folder, a video, a URL, a camera index or demo"
    elif path.is_fifo():
        problem = "is a pipe, which cannot be read from its start again; save it as a file, or give a URL"
    elif suffix in OTHER_STILLS:
        problem = "is a picture in an unsupported format; save it as .jpg or .png"
    elif suffix in NOTES or suffix == ".nfo":  # FFmpeg would draw the letters
        problem = "is a text, not a picture or a video; give one of those"
    if problem:
        raise SourceError(f"source {redact(str(path))} {problem}")
    if path.is_dir() or suffix in SUFFIXES or (suffix not in VIDEOS and is_picture(path)):
        return StillsSource(path)
    return VideoSource(path, paced=paced)
