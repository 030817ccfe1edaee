import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame
from fashion_edge.sources import open_source
from fashion_edge.sources.files import redact

FRAMES = 12


def picture(index: int) -> np.ndarray:
    """A frame whose brightness tells which one it is."""
    return np.full((64, 96, 3), 10 + 20 * (index % FRAMES), np.uint8)


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


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("rtsp://admin:my secret@10.0.0.2/live", "rtsp://***@10.0.0.2/live"),
        ("http://10.0.0.2/video.cgi?usr=admin&pwd=secret&w=640", "http://10.0.0.2/video.cgi?usr=admin&pwd=***&w=640"),
        ("http://c:81/v.cgi?loginuse=admin&loginpas=8888", "http://c:81/v.cgi?loginuse=admin&loginpas=***"),
        ("http://c/v?api_key=8888&monkey=1", "http://c/v?api_key=***&monkey=1"),
        ("rtsp://10.0.0.2/user=admin_password=secret_channel=1", "rtsp://10.0.0.2/user=admin_password=***"),
        ("https://10.0.0.2/?access_token=secret", "https://10.0.0.2/?access_token=***"),
        ("rtsp://10.0.0.2/cam?channel=1&subtype=0", "rtsp://10.0.0.2/cam?channel=1&subtype=0"),
    ],
)
def test_a_password_is_not_shown_wherever_a_camera_wants_it(url: str, shown: str) -> None:
    assert redact(url) == shown


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/red_dress.png", "https://127.0.0.1:9/a.GIF?size=large"])
def test_a_single_picture_is_no_stream_that_is_lost_again_and_again(address: str) -> None:
    with pytest.raises(SourceError, match=r"is a picture, not a stream or a video; download it"):
        open_source(address)


def test_a_stream_that_does_not_answer_is_named() -> None:
    with pytest.raises(SourceError, match=r"stream http://127\.0\.0\.1:9/x gives no picture"):
        open_source("http://127.0.0.1:9/x")


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address at which its files can be had."""
    handler = partial(SilentFiles, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield tmp_path, f"http://user:secret@127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


class SilentFiles(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def make_clip(path: Path) -> None:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 25.0, (96, 64))
    for i in range(FRAMES):
        writer.write(picture(i))
    writer.release()


def test_a_file_behind_a_url_gives_every_frame_as_a_file_here_does(shelf: tuple[Path, str]) -> None:
    folder, address = shelf
    make_clip(folder / "clip.avi")
    source = open_source(f"{address}/clip.avi")
    assert (source.live, source.prefetch) == (False, True), "as a stream, all but the newest frame would be dropped"
    assert "secret" not in source.name + source.describe()
    assert [frame.index for frame in source.items()] == list(range(FRAMES))


def test_a_file_behind_a_url_that_was_cut_short_says_so(shelf: tuple[Path, str]) -> None:
    folder, address = shelf
    make_clip(folder / "whole.avi")
    data = (folder / "whole.avi").read_bytes()
    (folder / "clip.avi").write_bytes(data[: len(data) * 2 // 3])
    *frames, fault = open_source(f"{address}/clip.avi").items()
    assert 0 < len(frames) < FRAMES
    assert "cut short or damaged" in fault.reason
    assert "secret" not in fault.reason


def test_a_file_whose_server_gives_no_parts_of_it_is_to_be_downloaded(shelf: tuple[Path, str]) -> None:
    folder, address = shelf
    writer = cv2.VideoWriter(str(folder / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (320, 240))
    for seed in range(20):  # too much to be held until the list of frames comes, at the end of the file
        writer.write(np.random.default_rng(seed).integers(0, 256, (240, 320, 3), dtype=np.uint8))
    writer.release()
    (fault,) = open_source(f"{address}/clip.mp4").items()
    assert "clip.mp4 gives no picture: its server may not give parts of a file" in fault.reason
    assert fault.reason.endswith("download it first")
