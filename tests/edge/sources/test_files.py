import os
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Fault, Frame
from fashion_edge.sources import files, open_source
from fashion_edge.sources.device import CvCapture
from fashion_edge.sources.files import shown_s

FRAMES, FPS = 20, 25.0


def picture(index: int) -> np.ndarray:
    """A frame whose brightness is its number."""
    return np.full((64, 96, 3), 10 + 10 * (index % FRAMES), np.uint8)


def make_clip(path: Path, code: str) -> Path:
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*code), FPS, (96, 64))
    for index in range(FRAMES):
        writer.write(picture(index))
    writer.release()
    return path


@pytest.fixture
def clip(tmp_path):
    return make_clip(tmp_path / "clip.avi", "MJPG")


@pytest.fixture
def mp4(tmp_path):
    """Its writer adds an edit list that shows all frames."""
    return make_clip(tmp_path / "clip.mp4", "mp4v")


def test_a_video_gives_every_frame_once_in_order(clip):
    source = open_source(str(clip))
    frames = list(source.items())
    assert [frame.index for frame in frames] == list(range(FRAMES))
    assert [round((int(frame.image.mean()) - 10) / 10) for frame in frames] == list(range(FRAMES))
    assert [frame.stream_at for frame in frames] == pytest.approx([i / FPS for i in range(FRAMES)], abs=1e-6)
    assert source.fps == FPS
    assert "96x64 MJPG, 25 frames/s" in source.describe()
    assert not source.live


UNREADABLE = "is not a picture or a video that can be read"


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("clip.mp4", b"", r"clip\.mp4 is empty \(0 bytes\), not a video"),
        ("clip.mp4", b"not a video" * 100, rf"clip\.mp4 {UNREADABLE}"),
        ("phone.mp4", b"".join(struct.pack(">I4s8x", 16, kind) for kind in (b"ftyp", b"meta", b"mdat")), UNREADABLE),
        ("notes.txt", b"red dress\n" * 40, r"notes\.txt is a text, not a picture or a video"),
    ],
    ids=["empty", "text", "HEIF still of a phone", "text with its suffix"],
)
def test_a_file_that_is_not_a_video_is_an_error(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SourceError, match=said):
        open_source(str(tmp_path / name))


def test_a_file_without_permission_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "clip.mp4").touch()
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"clip\.mp4 cannot be read: permission denied; change its mode"):
        open_source(str(tmp_path / "clip.mp4"))


def test_an_mp4_that_lost_its_end_is_an_error(mp4):
    data = mp4.read_bytes()
    mp4.write_bytes(data[: data.index(b"moov") - 20])
    with pytest.raises(SourceError, match=r"clip\.mp4 was cut short: .* copy or record it again"):
        open_source(str(mp4))


@pytest.fixture
def waits(monkeypatch):
    """The times that a playback waited for."""
    times: list[float] = []
    monkeypatch.setattr(files.Playback, "wait", lambda _, moment: times.append(moment) or 1e9)
    return times


def test_a_watched_video_plays_at_its_own_rate_without_loss(clip, waits):
    source = open_source(str(clip), watched=True)
    assert not source.live, "only the newest frame would count"
    frames = list(source.items())
    assert len(frames) == FRAMES
    assert waits == pytest.approx([i / FPS for i in range(FRAMES)])
    assert {frame.captured_at for frame in frames} == {1e9}, "captured when it is due"
    waits.clear()
    list(open_source(str(clip), watched=True, every_frame=True).items())
    assert waits == []


def test_a_watched_video_of_variable_rate_plays_at_its_own_times(clip, waits, monkeypatch):
    shown = [index * (0.1 if index < 5 else 1.0) for index in range(FRAMES)]  # a screen recording
    times = iter(shown)
    monkeypatch.setattr(CvCapture, "position_s", lambda _: next(times))
    list(open_source(str(clip), watched=True).items())
    assert waits == shown


@pytest.fixture
def ends_after_four(monkeypatch):
    """OpenCV gives no frame after the fourth."""
    read, reads = CvCapture.read, iter(range(4))
    monkeypatch.setattr(CvCapture, "read", lambda self: read(self) if next(reads, None) is not None else None)


@pytest.mark.parametrize(("shown_s", "frames"), [(None, 20), (0.6, 15)], ids=["whole", "trimmed"])
def test_a_video_that_is_cut_short_is_a_fault(mp4, ends_after_four, shown_s, frames):
    if shown_s:
        trim(mp4, shown_s)
    *items, fault = open_source(str(mp4)).items()
    assert [type(item) for item in items] == [Frame] * 4
    assert isinstance(fault, Fault)
    assert f"ended after 4 of {frames} frames: cut short or damaged" in fault.reason


def test_a_file_that_cannot_be_decoded_is_one_fault(clip, monkeypatch):
    source = open_source(str(clip))
    monkeypatch.setattr(CvCapture, "read", lambda _: None)
    (fault,) = source.items()
    assert fault.reason.endswith("gives no picture: OpenCV here cannot decode it; mp4 or jpg works")


def test_a_name_with_a_colon_is_not_a_protocol(clip, monkeypatch):
    monkeypatch.chdir(clip.parent)
    clip.rename("cam-12:30.avi")
    assert len(list(open_source("cam-12:30.avi").items())) == FRAMES


def trim(path: Path, seconds: float) -> None:
    """Show the first seconds only, as a phone does: the edit list changes, the frames stay in the file."""
    data = bytearray(path.read_bytes())
    units = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    struct.pack_into(">I", data, data.index(b"elst") + 12, round(seconds * units))
    path.write_bytes(data)


def test_a_trimmed_video_is_complete(mp4):
    assert shown_s(mp4) == pytest.approx(0.8)
    trim(mp4, 0.4)
    items = list(open_source(str(mp4)).items())
    assert {type(item) for item in items} == {Frame}
    assert 9 <= len(items) <= 11
    assert shown_s(mp4) == pytest.approx(0.4)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not a video",
        struct.pack(">I4s", 1, b"moov"),  # says that a long length follows, and ends
        struct.pack(">I4sQ", 1, b"free", 2**63),
        struct.pack(">I4s", 3, b"moov") * 9,  # shorter than its own head
        struct.pack(">I4s", 0, b"moov") + struct.pack(">I4s", 8, b"trak") * 5000,
        struct.pack(">I4s", 28, b"moov") + struct.pack(">I4sI", 12, b"mvhd", 0) + struct.pack(">I4s", 8, b"trak"),
    ],
)
def test_a_malformed_or_missing_file_has_no_edit_list(tmp_path, data):
    (tmp_path / "clip.mp4").write_bytes(data)
    for path in (tmp_path / "clip.mp4", tmp_path / "missing.avi", Path("http://127.0.0.1/clip.mp4")):
        assert shown_s(path) is None


def test_a_folder_gives_every_picture_in_sorted_order(photo_folder):
    source = open_source(str(photo_folder))
    items = list(source.items())
    assert [(Path(item.source).name, item.index) for item in items] == [("1.png", 0), ("2.jpg", 1), ("1.jpeg", 2)]
    assert items[0].image[0, 0].tolist() == [0, 0, 200]
    assert source.describe().endswith("photos: 3 pictures")


def test_a_broken_picture_is_a_fault_among_frames(photo_folder):
    (photo_folder / "a" / "1.png").write_bytes(b"")
    assert [type(item) for item in open_source(str(photo_folder)).items()] == [Fault, Frame, Frame]


def test_a_folder_without_pictures_is_an_error(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(SourceError, match=r"holds no picture; expected files that end in \.bmp, "):
        open_source(str(tmp_path))


@pytest.mark.skipif(sys.platform != "linux", reason="other file systems take no such name")
def test_a_name_that_is_not_utf8_is_escaped(photo_folder):
    odd = os.fsencode(photo_folder / "a") + b"/0\xff"
    Path(os.fsdecode(odd + b".png")).write_bytes((photo_folder / "a" / "1.png").read_bytes())
    Path(os.fsdecode(odd + b".jpg")).write_bytes(b"no picture")
    fault, frame, *_ = open_source(str(photo_folder)).items()
    assert isinstance(fault, Fault)
    assert isinstance(frame, Frame)
    assert frame.source.endswith("0\\xff.png")
    assert "0\\xff.jpg" in fault.reason


def test_a_locked_folder_is_a_fault_among_frames(photo_folder, monkeypatch):
    opened, locked = Path.open, photo_folder / "a"

    def refuse(path, *args):
        if path == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *args)

    monkeypatch.setattr("os.access", lambda path, mode: path != locked)
    monkeypatch.setattr("builtins.open", lambda path, *args: refuse(Path(path), *args))
    fault, frame = open_source(str(photo_folder)).items()
    assert isinstance(fault, Fault)
    assert fault.reason == f"{locked} cannot be read by this user; change its permissions"
    assert isinstance(frame, Frame)


class MjpegHandler(BaseHTTPRequestHandler):
    """A network camera: sends eight frames to a client, then closes the connection."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for index in range(8):
            data = cv2.imencode(".jpg", picture(index))[1].tobytes()
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n".encode()
            self.wfile.write(head + data + b"\r\n")
            time.sleep(0.01)

    def log_message(self, *_: object) -> None:
        pass


class FileHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serve(handler: Callable[..., BaseHTTPRequestHandler]) -> Iterator[str]:
    """The URL of a server, with a password."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://user:secret@127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def camera_url():
    with serve(MjpegHandler) as url:
        yield f"{url}/stream.mjpg"


def test_a_stream_that_hangs_up_is_reopened(camera_url):
    source = open_source(camera_url)
    assert "//***@127.0.0.1" in source.name
    assert "secret" not in source.name + source.describe()
    items = source.items()
    seen = list(islice(items, 12))
    items.close()
    kinds = [item.state if isinstance(item, Event) else "frame" for item in seen]
    lost = kinds.index("lost")
    assert kinds[: lost + 3] == ["frame"] * lost + ["lost", "live", "frame"]
    indices = [item.index for item in seen if isinstance(item, Frame)]
    assert indices == list(range(len(indices)))


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/red_dress.png", "https://127.0.0.1:9/a.GIF?size=large"])
def test_the_url_of_a_picture_is_refused(address):
    with pytest.raises(SourceError, match=r"is a picture, not a stream or a video; download it"):
        open_source(address)


def test_a_stream_that_does_not_answer_is_an_error():
    with pytest.raises(SourceError, match=r"stream http://127\.0\.0\.1:9/x is refused: nothing listens on its port"):
        open_source("http://127.0.0.1:9/x")


@pytest.fixture
def address(tmp_path):
    """The URL of a server of the files in the temporary folder."""
    with serve(partial(FileHandler, directory=str(tmp_path))) as url:
        yield url


def test_a_video_file_behind_a_url_is_read_whole(clip, address):
    source = open_source(f"{address}/clip.avi")
    assert (source.live, source.prefetch) == (False, True), "no frame may be dropped"
    assert "secret" not in source.name + source.describe()
    assert [frame.index for frame in source.items()] == list(range(FRAMES))


def test_a_video_file_behind_a_url_that_is_cut_short_is_a_fault(clip, address):
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) * 2 // 3])
    *frames, fault = open_source(f"{address}/clip.avi").items()
    assert 0 < len(frames) < FRAMES
    assert "cut short or damaged" in fault.reason
    assert "secret" not in fault.reason


def test_a_server_without_range_requests_is_a_fault(tmp_path, address):
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 25.0, (320, 240))
    for seed in range(20):  # too much to be held until the list of frames comes, at the end of the file
        writer.write(np.random.default_rng(seed).integers(0, 256, (240, 320, 3), dtype=np.uint8))
    writer.release()
    (fault,) = open_source(f"{address}/clip.mp4").items()
    assert "clip.mp4 gives no picture: its server may not give parts of a file" in fault.reason
    assert fault.reason.endswith("download it first")
