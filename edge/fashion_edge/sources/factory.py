"""From the words of `--source` to a source."""

import re
from pathlib import Path

from fashion_edge.errors import SourceError, UsageError
from fashion_edge.images import NOTES, SUFFIXES, is_picture
from fashion_edge.sources.base import FROZEN_S, Source, Wish

REPLAY = "replay:"
VIDEOS = frozenset(
    {".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".mjpg", ".mjpeg", ".h264"}
)
OTHER_STILLS = frozenset({".tga", ".jp2", ".pcx", ".psd", ".svg", ".heic", ".heif", ".avif", ".jxl", ".exr", ".dng"})
URL = re.compile(r"^(rtsp|rtsps|rtmp|http|https|udp|tcp)://", re.IGNORECASE)


def open_source(text: str, *, every_frame: bool = False, watched: bool = False, wish: Wish | None = None) -> Source:
    """Build the source that `text` names.

    Args:
        text: an image, a folder of images, a video file, a stream URL, `demo`, `picamera`, `replay:DIR`, or a camera's
            index or /dev path.
        every_frame: read at the loop's own pace and drop nothing.
        watched: a person looks on, so a video file plays at its own speed.
        wish: what is asked of a camera.

    Raises:
        SourceError: there is no such thing; the message says what would be.
    """
    wish = wish or Wish()
    check_wish(text, wish)
    if _is_picamera(text):
        from fashion_edge.sources.picamera import open_picamera

        return open_picamera(text, wish, live=not every_frame)
    if _is_camera(text):
        from fashion_edge.sources.camera import open_camera

        return open_camera(text, wish, live=not every_frame)
    if text == "demo":
        from fashion_edge.sources.demo import DemoSource

        return DemoSource(paced=not every_frame)
    if URL.match(text):
        from fashion_edge.sources.stream import open_stream

        return open_stream(text, wish, live=not every_frame, paced=watched and not every_frame)
    if text.startswith(REPLAY):
        from fashion_edge.sources.replay import ReplaySource

        if text == REPLAY:
            raise UsageError("--source replay: names no folder; give replay:DIR, a folder made by --record-raw DIR")
        return ReplaySource(Path(text.removeprefix(REPLAY)), paced=watched and not every_frame)
    return _open_path(Path(text), paced=watched and not every_frame)


def check_wish(text: str, wish: Wish) -> None:
    """Refuse what a source cannot be asked for; opens nothing.

    Raises:
        UsageError: names the flag.
    """
    if _is_picamera(text):
        return
    if wish.awb is not None:
        raise UsageError(f"--awb {wish.awb} is for --source picamera; {_shown(text)} keeps its own white balance")
    if (wish.size or wish.fps) and not _is_camera(text):
        raise UsageError(f"--size and --fps are for cameras; {_shown(text)} has its own")
    if wish.frozen_s not in (0, FROZEN_S) and not may_come_later(text):
        raise UsageError(f"--frozen {wish.frozen_s:g} is for cameras and streams, and {text} is neither; leave it out")


def may_come_later(text: str) -> bool:
    """Whether a source is none of this machine's files: a camera or a stream may be away for now."""
    return _is_picamera(text) or _is_camera(text) or URL.match(text) is not None


def _is_picamera(text: str) -> bool:
    return text == "picamera" or text.startswith("picamera:")


def _is_camera(text: str) -> bool:
    path = Path(text)  # /dev/shm holds files
    return text.isdecimal() or (text.startswith("/dev/") and (path.is_char_device() or not path.exists()))


def _shown(text: str) -> str:
    """A source in a message: an address without its password."""
    if not URL.match(text):
        return text
    from fashion_edge.sources.stream import redact

    return redact(text)


def _open_path(path: Path, *, paced: bool) -> Source:
    if not path.exists():
        raise SourceError(
            f"source {path} does not exist; give an image, a folder, a video, a URL, a camera index or demo"
        )
    if path.is_fifo():
        raise SourceError(
            f"source {path} is a pipe, which cannot be read from its start again; save it as a file, or give a URL"
        )
    suffix = path.suffix.lower()
    if suffix in OTHER_STILLS:
        raise SourceError(f"source {path} is a picture in a format that is not read; save it as .jpg or .png")
    if suffix in NOTES or suffix == ".nfo":  # FFmpeg would draw the letters
        raise SourceError(f"source {path} is a text, not a picture or a video; give one of those")
    if path.is_dir() or suffix in SUFFIXES or (suffix not in VIDEOS and is_picture(path)):
        from fashion_edge.sources.files import StillsSource

        return StillsSource(path)
    from fashion_edge.sources.files import VideoSource

    return VideoSource(path, paced=paced)
