import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.sources import capture, open_source

FRAMES = 12


def picture(index: int) -> np.ndarray:
    """A frame whose brightness tells which one it is."""
    return np.full((64, 96, 3), 10 + 20 * (index % FRAMES), np.uint8)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 64))
    for i in range(FRAMES):
        writer.write(picture(i))
    writer.release()
    return path


def test_a_video_gives_every_frame_once_in_order(clip: Path) -> None:
    source = open_source(str(clip))
    frames = list(source.items())
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [round((int(frame.image.mean()) - 10) / 20) for frame in frames] == list(range(FRAMES))
    assert source.fps == 25.0
    assert "96x64 MJPG, 25 frames/s" in source.describe()
    assert not source.live


def test_a_watched_video_plays_at_its_own_rate(clip: Path) -> None:
    assert open_source(str(clip), watched=True).live
    assert not open_source(str(clip), watched=True, every_frame=True).live


def test_a_video_that_was_cut_short_says_so(clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = open_source(str(clip))
    real, reads = capture._read, iter(range(4))
    monkeypatch.setattr(capture, "_read", lambda *args: real(*args) if next(reads, None) is not None else None)
    items = list(source.items())
    assert [type(item) for item in items] == [Frame] * 4 + [Fault]
    assert "ended after 4 of 12 frames: cut short or damaged" in items[-1].reason


def test_a_file_that_is_no_video_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not a video" * 100)
    with pytest.raises(SourceError, match=r"clip\.mp4 is not a picture or a video that can be read"):
        open_source(str(path))


class MjpegServer(ThreadingHTTPServer):
    """A camera on the network: serves so many frames to a client, then hangs up."""

    daemon_threads = True
    frames_per_client = 8
    clients = 0


class MjpegHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.server.clients += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for i in range(self.server.frames_per_client):
            data = cv2.imencode(".jpg", picture(i))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            self.wfile.write(head + data + b"\r\n")
            time.sleep(0.01)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def camera_url() -> Iterator[str]:
    server = MjpegServer(("127.0.0.1", 0), MjpegHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://user:secret@127.0.0.1:{server.server_address[1]}/stream.mjpg"
    server.shutdown()
    server.server_close()


def test_a_stream_that_hangs_up_is_lost_then_live_again_and_no_frame_is_invented(camera_url: str) -> None:
    source = open_source(camera_url)
    items = source.items()
    seen = list(islice(items, 12))
    items.close()
    kinds = [item.state if isinstance(item, Event) else "frame" for item in seen]
    lost = kinds.index("lost")
    assert kinds[:lost] == ["frame"] * lost
    assert kinds[lost + 1] == "live"
    assert kinds[lost + 2] == "frame"
    indices = [item.index for item in seen if isinstance(item, Frame)]
    assert indices == list(range(len(indices)))


def test_a_password_in_a_url_is_not_shown(camera_url: str) -> None:
    source = open_source(camera_url)
    assert "secret" not in source.name + source.describe()
    assert "//***@127.0.0.1" in source.name


def test_a_stream_that_does_not_answer_is_named() -> None:
    with pytest.raises(SourceError, match=r"stream http://127\.0\.0\.1:9/x does not answer"):
        open_source("http://127.0.0.1:9/x")


class FakeCapture:
    """A V4L2 capture with a clock of its own."""

    def __init__(self, *, stamp_ms: float, grabs: bool = True, image: np.ndarray | None = None) -> None:
        self._stamp_ms, self._grabs, self._image = stamp_ms, grabs, image

    def grab(self) -> bool:
        return self._grabs

    def retrieve(self) -> tuple[bool, np.ndarray | None]:
        return self._image is not None, self._image

    def getBackendName(self) -> str:  # noqa: N802  # OpenCV's name
        return "V4L2"

    def get(self, prop: int) -> float:
        return self._stamp_ms if prop == cv2.CAP_PROP_POS_MSEC else 0.0


def test_the_drivers_time_stamp_is_used_when_it_is_on_our_clock() -> None:
    shot = picture(0)
    on_our_clock = capture._read(FakeCapture(stamp_ms=99_960.0, image=shot), 0, "camera:0", clock=lambda: 100.0)
    of_another = capture._read(FakeCapture(stamp_ms=5.0, image=shot), 0, "camera:0", clock=lambda: 100.0)
    assert on_our_clock.captured_at == pytest.approx(99.96)
    assert of_another.captured_at == 100.0


@pytest.mark.parametrize(
    "gone",
    [
        FakeCapture(stamp_ms=0, grabs=False),
        FakeCapture(stamp_ms=0),
        FakeCapture(stamp_ms=0, image=np.zeros((0, 0, 3), np.uint8)),
    ],
)
def test_a_read_that_gave_nothing_is_no_frame(gone: FakeCapture) -> None:
    assert capture._read(gone, 0, "camera:0") is None
