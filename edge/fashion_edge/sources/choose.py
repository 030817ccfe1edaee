"""From the words of `--source` to a source."""

import re
from pathlib import Path

from fashion_edge.errors import SourceError
from fashion_edge.images import SUFFIXES
from fashion_edge.sources.base import Source

URL = re.compile(r"^(rtsp|rtsps|rtmp|http|https|udp|tcp)://", re.IGNORECASE)


def open_source(text: str, *, every_frame: bool = False, watched: bool = False) -> Source:
    """Build the source that `text` names.

    Args:
        text: an image, a folder of images, a video file, a stream URL, `demo`, or a camera's index or /dev path.
        every_frame: read at the loop's own pace and drop nothing.
        watched: a person looks on, so a video file plays at its own speed.

    Raises:
        SourceError: there is no such thing; the message says what would be.
    """
    if text == "demo":
        from fashion_edge.sources.demo import DemoSource

        return DemoSource(paced=not every_frame)
    if text.isdecimal() or text.startswith("/dev/"):
        from fashion_edge.sources.capture import CameraSource

        return CameraSource(text, live=not every_frame)
    if URL.match(text):
        from fashion_edge.sources.capture import StreamSource

        return StreamSource(text, live=not every_frame)
    return _open_path(Path(text), paced=watched and not every_frame)


def _open_path(path: Path, *, paced: bool) -> Source:
    if not path.exists():
        raise SourceError(
            f"source {path} does not exist; give an image, a folder, a video, a URL, a camera index or demo"
        )
    if path.is_dir() or path.suffix.lower() in SUFFIXES:
        from fashion_edge.sources.stills import StillsSource

        return StillsSource(path)
    from fashion_edge.sources.capture import VideoSource

    return VideoSource(path, paced=paced)
