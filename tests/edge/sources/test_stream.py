import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame
from fashion_edge.sources import open_source

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


def test_a_stream_that_does_not_answer_is_named() -> None:
    with pytest.raises(SourceError, match=r"stream http://127\.0\.0\.1:9/x gives no picture"):
        open_source("http://127.0.0.1:9/x")
