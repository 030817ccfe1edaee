"""Video files, here or behind a URL: every frame once, on the file's own clock."""

import os
from collections.abc import Generator, Sequence
from pathlib import Path

from fashion_edge.errors import SourceError
from fashion_edge.frame import Fault, Frame, Item
from fashion_edge.opencv import load_cv2
from fashion_edge.pace import Playback
from fashion_edge.sources.capture import CvCapture, open_video_capture
from fashion_edge.sources.edits import lacks_frame_list, shown_s

SMALL = 640 * 480  # pixels that one thread decodes faster than they are labelled
COMPLETE = 0.9  # containers estimate their frame count; far fewer decoded, and a far shorter time, means damage


class VideoSource:
    """A video file; paced to its own rate when a person looks on."""

    still = False
    live = False  # no frame of a file is ever dropped: where the loop is slower than the file, the file waits
    ahead = True

    def __init__(
        self, place: Path | str, *, paced: bool = False, name: str | None = None, limits: Sequence[int] = ()
    ) -> None:
        """Take the file at a path or a URL, shown as `name`; `limits` are OpenCV's settings of a connection."""
        self.name = name or str(place)
        self._paced = paced
        self._remote = isinstance(place, str)
        self._place = str(place.absolute() if isinstance(place, Path) else place)  # 13:00.mp4 is no protocol
        self._limits = tuple(limits)
        capture = self._open(())
        width, height = capture.size
        # FFmpeg's threads cost a third more processor time, which the labels need, and pay for larger pictures only
        self._settings = (load_cv2().CAP_PROP_N_THREADS, 1) if width * height <= SMALL else ()
        self.fps = capture.fps
        self._description = capture.describe()
        self.length = self._to_be_shown(capture.frames) if capture.finite else None
        capture.close()

    def items(self) -> Generator[Item, None, None]:
        """Frames until the file ends."""
        capture = self._open(self._settings)
        playback = Playback()
        try:
            index, stream_at = 0, -1.0
            while (shot := capture.read()) is not None:
                declared = capture.position_s()
                stream_at = declared if declared > stream_at else max(index / self.fps, stream_at + 1 / self.fps)
                # played, a frame is taken when it is due, as a camera's is; a phone's and a screen's rate varies
                asked_at = max(shot.captured_at, playback.wait(stream_at)) if self._paced else shot.captured_at
                yield Frame(shot.image, index, asked_at, self.name, shot.capture_s, stream_at)
                index += 1
            if index == 0:
                yield Fault(self.name, 0, f"{self.name} gives no picture: {self._why_none()}")
            elif max(index, stream_at * self.fps) < COMPLETE * (whole := self._to_be_shown(capture.frames)):
                reason = f"{self.name} ended after {index} of {whole} frames: cut short or damaged"
                yield Fault(self.name, index, reason)
        finally:
            capture.close()

    def describe(self) -> str:
        """Size and rate, as the file declares them."""
        return self._description

    def _why_none(self) -> str:
        if self._remote:  # an mp4 has its list of frames at its end, which a server of whole files cannot be asked for
            return "its server may not give parts of a file, or OpenCV here cannot decode it; download it and give that"
        return "OpenCV here cannot decode it; mp4 or jpg works"

    def _to_be_shown(self, declared: int) -> int:
        """Frames that a whole file gives: its container counts those too that an edit list leaves out."""
        shown = shown_s(Path(self._place))
        return declared if shown is None else min(declared, round(shown * self.fps))

    def _open(self, settings: tuple[int, ...]) -> CvCapture:
        capture = open_video_capture(self._place, load_cv2().CAP_FFMPEG, self._limits + settings)
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"{self.name} {_why_not(Path(self._place))}")
        return CvCapture(capture, self.name)


def _why_not(file: Path) -> str:
    """Why FFmpeg opens it not, which itself does not tell."""
    if file.is_file() and not os.access(file, os.R_OK):
        return "is not for this user to read; mend its mode"
    if file.is_file() and file.stat().st_size == 0:
        return "is empty (0 bytes), not a video"
    if lacks_frame_list(file):
        return "was cut short: the list of its frames, which comes last, is missing; copy or record it again"
    return "is not a picture or a video that can be read; mp4 with H.264 works everywhere"
