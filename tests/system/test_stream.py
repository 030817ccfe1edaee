"""Streams of a real RTSP server: how old their frames are, and when their picture counts as frozen."""

import contextlib
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame, Item
from fashion_edge.readers import NewestFrameReader
from fashion_edge.sources.base import CameraSettings
from fashion_edge.sources.stream import open_stream

SERVER = Path(__file__).with_name("rtsp_server.py")
NEEDS = "import gi, numpy; gi.require_version('GstRtspServer', '1.0'); gi.require_version('Gst', '1.0'); " + (
    "from gi.repository import Gst; Gst.init(None); assert all(map(Gst.ElementFactory.find, ('x264enc', 'rtph264pay')))"
)
PYTHONS = (sys.executable, "/usr/bin/python3")  # the bindings come with the system
PYTHON = next(
    (
        python
        for python in PYTHONS
        if Path(python).exists()
        and subprocess.run([python, "-c", NEEDS], check=False, capture_output=True).returncode == 0
    ),
    None,
)
pytestmark = [
    pytest.mark.broker,
    pytest.mark.skipif(
        PYTHON is None,
        reason="NO RTSP SERVER: apt install python3-gi python3-numpy python3-gst-1.0 gir1.2-gst-rtsp-server-1.0 "
        "gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-plugins-ugly",
    ),
]


@contextlib.contextmanager
def rtsp(fps: int, *, still_after_s: float = 1e9, noise: float = 0.0, password: str = "") -> Iterator[str]:
    """The address of a server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    words = [PYTHON, str(SERVER), str(port), str(fps), str(still_after_s), str(noise), password]
    server = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert server.stdout.readline() == b"ready\n"
        yield f"rtsp://127.0.0.1:{port}/live"
    finally:
        server.communicate(timeout=10)  # closes its standard input, which ends it


def true_age_s(frame: Frame) -> float:
    """Seconds since the picture was made, by the time that it carries."""
    height, width = frame.image.shape[:2]
    block, rows = width // 32, slice(height // 24, height // 8)
    columns = [slice(bit * block + block // 4, bit * block + 3 * block // 4) for bit in range(32)]
    made = sum(1 << bit for bit in range(32) if frame.image[rows, columns[bit]].mean() > 127)
    return ((int(time.time() * 1000) - made) % 2**32) / 1000


def read(url: str, seconds: float, *, frozen_s: float = 0.0) -> Iterator[Item]:
    end = time.monotonic() + seconds
    with NewestFrameReader(open_stream(url, CameraSettings(frozen_s=frozen_s))) as reader:
        for item in reader:
            yield item
            if time.monotonic() > end:
                return


@pytest.mark.parametrize("fps", [5, 30])
def test_the_age_of_a_stream_is_the_true_one_from_its_first_frame_on(fps):
    with rtsp(fps) as url:
        ages = [
            (true_age_s(frame), time.monotonic() - frame.captured_at)
            for frame in read(url, 6)
            if isinstance(frame, Frame)
        ]
    true, told = np.array(ages).T
    assert np.abs(true - told).max() < 1 / fps + 0.1
    assert true.max() < 2 / fps + 0.2, "what gathered while the stream was opened is skipped"


def test_a_stream_that_is_read_too_slowly_is_lagging_and_no_late_frame_is_given():
    """The process that reads is stopped nearly all the time."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from test_stream import *\n"
        "for item in read(sys.argv[2], 28):\n"
        "    if isinstance(item, Event): print(item.state, flush=True)\n"
        "    if isinstance(item, Frame): print(true_age_s(item), flush=True)\n"
    )
    with rtsp(30) as url:
        words = [sys.executable, "-c", code, str(SERVER.parent), url]
        reader = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert float(reader.stdout.readline()) < 1
        end = time.monotonic() + 10
        while time.monotonic() < end:
            reader.send_signal(signal.SIGSTOP)
            time.sleep(0.4)
            reader.send_signal(signal.SIGCONT)
            time.sleep(0.002)
        lines = reader.communicate(timeout=60)[0].split()
    assert "lagging" in lines
    state, late = "live", []
    for line in lines:
        if line[0].isdigit():
            late += [float(line)] if state == "live" and float(line) > 3.5 else []
        else:
            state = line
    assert not late
    assert state == "live", "it recovers when the load is over"


@pytest.mark.parametrize(("noise", "lost"), [(0.0, True), (1.0, False)], ids=["frozen", "still scene"])
def test_a_frozen_camera_behind_h264_is_lost_and_a_still_scene_is_not(noise, lost):
    with rtsp(15, still_after_s=2, noise=noise) as url:
        events = [item for item in read(url, 12, frozen_s=3) if isinstance(item, Event)]
    assert any("the same picture for 3 s" in event.detail for event in events) == lost


def test_why_an_rtsp_stream_is_refused_is_named():
    with rtsp(15, password="p@ss") as url:
        right, wrong = (url.replace("//", f"//admin:{password}@") for password in ("p%40ss", "pass"))
        assert any(isinstance(item, Frame) for item in read(right, 1))
        for refused, said in (
            (wrong, r"refuses this user or password \(status 401\)"),
            (url, r"asks for a user and a password \(status 401\)"),
            (right.replace("/live", "/other"), r"does not exist on its server \(status 404\)"),
        ):
            with pytest.raises(SourceError, match=said):
                open_stream(refused, CameraSettings())
