import io
import threading
import time
from collections.abc import Iterator
from itertools import count, islice

import cv2
import numpy as np
import pytest
from PIL import Image

from fashion_edge.errors import SourceError
from fashion_edge.frame import Event, Frame
from fashion_edge.sources import open_source
from fashion_edge.sources.mjpeg import MAX_JPEG_BYTES, JpegReader, open_mjpeg
from fashion_edge.sources.stream import StreamClock

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=cut\r\n\r\n"


def jpeg(index: int, **options) -> bytes:
    """A picture whose brightness is its number times ten."""
    noise = np.random.default_rng(index).integers(0, 8, (48, 64, 3), dtype=np.uint8)
    data = io.BytesIO()
    Image.fromarray(noise + np.uint8(10 * index)).save(data, "JPEG", **options)
    return data.getvalue()


def number(image: np.ndarray) -> int:
    return round((float(image.mean()) - 3.5) / 10)


def part(data: bytes, cut=b"--cut\r\n", headers=b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n") -> bytes:
    return cut + headers.replace(b"%d", b"%d" % len(data)) + b"\r\n" + data + b"\r\n"


def endless(form=part, head=HEAD, pause_s=0.005):
    """Answers with pictures in a form."""

    def answer(_: bytes) -> Iterator[bytes]:
        yield head
        for index in count():
            time.sleep(pause_s)
            yield form(jpeg(index % 20))

    return answer


def chunked(data: bytes) -> bytes:
    """A part in two chunks, one of which begins within the picture."""
    data = part(data)
    return b"%x;name=value\r\n%s\r\n%X\r\n%s\r\n" % (300, data[:300], len(data) - 300, data[300:])


def typed(kind: bytes, version=b"HTTP/1.1", more=b"") -> bytes:
    return version + b" 200 OK\r\nContent-Type: " + kind + b"\r\n" + more + b"\r\n"


FORMS = {
    "as documented": endless(),
    "image/jpg": endless(lambda data: part(data, headers=b"Content-Type: image/jpg\r\nContent-Length: %d\r\n")),
    "no headers in a part": endless(lambda data: part(data, headers=b"")),
    "no Content-Length": endless(lambda data: part(data, headers=b"Content-Type: image/jpeg\r\n")),
    "wrong Content-Length": endless(lambda data: part(data, headers=b"Content-Length: 1%d\r\n")),
    "Content-Length 0": endless(lambda data: part(data, headers=b"Content-Length: 0\r\n")),
    "no boundary at all": endless(lambda data: data),
    "another boundary": endless(lambda data: part(data, b"--other\r\n")),
    "boundary without dashes": endless(lambda data: part(data, b"cut\r\n")),
    "boundary declared with dashes": endless(head=typed(b"multipart/x-mixed-replace;boundary=--cut")),
    "quoted boundary": endless(head=typed(b'Multipart/X-Mixed-Replace; boundary="cut"')),
    "no boundary declared": endless(head=typed(b"multipart/x-mixed-replace")),
    "multipart/mixed": endless(head=typed(b"multipart/mixed; boundary=cut")),
    "no Content-Type": endless(head=b"HTTP/1.0 200 OK\r\n\r\n"),
    "octet-stream": endless(chunked, typed(b"application/octet-stream", more=b"Transfer-Encoding: chunked\r\n")),
    "answer typed as one picture": endless(head=typed(b"image/jpeg")),
    "HTTP/1.0": endless(head=typed(b"multipart/x-mixed-replace; boundary=cut", b"HTTP/1.0")),
    "LF only": endless(lambda data: part(data).replace(b"\r\n", b"\n"), HEAD.replace(b"\r\n", b"\n")),
    "chunked": endless(chunked, typed(b"multipart/x-mixed-replace", more=b"transfer-encoding: Chunked\r\n")),
    "declared as chunked, but not chunked": endless(
        head=typed(b"multipart/x-mixed-replace", more=b"Transfer-Encoding: chunked\r\n")
    ),
    "blank before the colon": endless(head=b"HTTP/1.1 200 OK\r\nContent-Type : multipart/x-mixed-replace\r\n\r\n"),
    "Content-Length of the answer": endless(head=typed(b"multipart/x-mixed-replace", more=b"Content-Length: 9\r\n")),
    "preamble": endless(head=HEAD + b"This is a stream for old browsers.\r\n\xff\xd8 no picture \xff\xd9\r\n"),
    "long headers": endless(lambda data: part(data, headers=b"X-Note: " + b"a" * 200_000 + b"\r\n")),
    "many headers": endless(head=typed(b"multipart/x-mixed-replace", more=b"X-Note: 1\r\n" * 90)),
    "other parts between": endless(lambda data: part(b"{}", headers=b"Content-Type: text/json\r\n") + part(data)),
    "no Huffman tables": endless(lambda data: part(data.replace(b"\xff\xc4", b"\xff\xe9"))),  # as in AVI files
    "pictures cut short between": endless(lambda data: part(data[:-500]) + part(data)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_camera_is_read_whatever_the_form_of_its_parts(form, camera):
    with camera(FORMS[form]) as port:
        source = open_source(f"http://127.0.0.1:{port}/stream")
        items = source.items()
        frames = list(islice(items, 4))
        items.close()
    assert [type(item) for item in frames] == [Frame] * 4
    numbers = [number(frame.image) for frame in frames]
    assert numbers == sorted(set(numbers)), "whole pictures, in order"
    assert source.describe() == f"http://127.0.0.1:{port}/stream: 64x48 motion JPEG"
    assert source.live


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000, 1 << 20])
def test_pictures_are_found_however_the_network_splits_them(size):
    whole = [jpeg(1), jpeg(2, progressive=True), jpeg(3, restart_marker_blocks=1), jpeg(4, optimize=True)]
    data = b"".join(part(picture) for picture in whole)
    reader = JpegReader(pieces(data, size))
    assert list(iter(reader.read, None)) == whole


def test_a_thumbnail_inside_a_picture_is_not_a_picture():
    exif = b"Exif\0\0" + jpeg(9)
    picture = jpeg(1, exif=exif)
    assert picture.count(b"\xff\xd8\xff") == 2
    assert list(iter(JpegReader([part(picture)]).read, None)) == [picture]


def test_fill_bytes_before_a_marker_are_allowed():
    picture = jpeg(1)
    filled = picture[:2] + b"\xff\xff" + picture[2:]
    for size in (1, 4, 999):
        assert list(iter(JpegReader(pieces(filled, size)).read, None)) == [filled]


@pytest.mark.parametrize("keep", [3, 21, 200, 650, -2])
def test_of_a_picture_that_breaks_off_nothing_is_kept(keep):
    following = [jpeg(2), jpeg(3)]
    data = part(jpeg(1)[:keep]) + part(following[0]) + part(following[1])
    found = list(iter(JpegReader([data]).read, None))
    assert found[-1] == following[-1]
    assert all(picture in following for picture in found)


def declare(width: int, height: int) -> bytes:
    """A picture that declares another size than it has."""
    data = bytearray(jpeg(1))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = height.to_bytes(2) + width.to_bytes(2)
    return bytes(data)


def test_a_picture_that_declares_too_many_pixels_is_not_decoded(camera, monkeypatch):
    reader = JpegReader([part(declare(65500, 65500)) + part(jpeg(2))])
    assert reader.read() == jpeg(2)
    monkeypatch.setattr("fashion_edge.sources.mjpeg.READ_TIMEOUT_S", 0.2)
    said = r"stream c declares frames of 65500x65500, above the limit of 64 megapixels; check it in a browser"
    with camera(endless(lambda _: part(declare(65500, 65500)))) as port, pytest.raises(SourceError, match=said):
        open_mjpeg(f"http://127.0.0.1:{port}/", "c")


def test_a_picture_without_end_does_not_fill_the_memory():
    start = jpeg(1)[:-2]
    reader = JpegReader([start, *[b"\0" * 2**20] * (MAX_JPEG_BYTES // 2**20 + 3), jpeg(2)])
    assert reader.read() == jpeg(2)
    assert reader.problem == "sends pictures of more than 32 MB"


def test_a_consumer_that_is_late_gets_the_newest_picture(camera):
    sent = threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        yield HEAD + part(jpeg(1))
        sent.wait(5)
        yield b"".join(part(jpeg(index)) for index in range(2, 20))
        time.sleep(0.2)
        yield part(jpeg(20))
        time.sleep(5)

    with camera(answer) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c")
        assert number(capture.read().image) == 1
        sent.set()
        time.sleep(0.1)  # busy
        late = capture.read()
        asked = time.monotonic()
        assert number(late.image) == 19
        assert late.captured_at < asked - 0.05, "the time of its arrival, not of the question"
        assert number(capture.read().image) == 20
        capture.close()


def test_the_time_of_transmission_counts_in_the_age(camera):
    def answer(_: bytes) -> Iterator[bytes]:
        data = jpeg(1)
        yield HEAD + part(jpeg(0)) + part(data)[:600]
        time.sleep(0.3)
        yield part(data)[600:]

    with camera(answer) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c")
        first, second = capture.read(), capture.read()
        assert number(second.image) == 1
        assert time.monotonic() - second.captured_at > 0.25
        assert second.captured_at - first.captured_at < 0.2
        capture.close()


@pytest.mark.parametrize(("tick_s", "late_s"), [(0.02, 0.3), (0.0, 0.0)])
def test_a_picture_that_waited_in_the_camera_is_older(camera, tick_s, late_s):
    """By the camera's clock, unless that stands."""

    def answer(_: bytes) -> Iterator[bytes]:
        yield HEAD
        for index in range(10):
            time.sleep(0.02 if index < 9 else 0.32)
            yield part(jpeg(index), headers=f"X-Timestamp: {1000 + tick_s * index:.6f}\r\n".encode())
        time.sleep(1)

    with camera(answer) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c", every_frame=True)
        capture.stamps = StreamClock(held_s=0.0)
        ages = []
        for _ in range(10):
            captured_at = capture.read().captured_at
            ages.append(time.monotonic() - captured_at)
        assert ages[9] == pytest.approx(late_s, abs=0.15)
        capture.close()


def test_with_every_frame_no_picture_is_dropped(camera):
    with camera(lambda _: [HEAD + b"".join(part(jpeg(index)) for index in range(8))]) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c", every_frame=True)
        time.sleep(0.1)
        assert [number(shot.image) for shot in iter(capture.read, None)] == list(range(8))


def test_what_looks_like_a_picture_and_does_not_decode_is_skipped(camera):
    broken = jpeg(1).replace(b"\xff\xdb", b"\xff\xe9")  # without quantization tables
    with camera(lambda _: [HEAD, part(broken), part(broken), part(jpeg(2))]) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c", every_frame=True)
        assert [number(shot.image) for shot in iter(capture.read, None)] == [2]


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (lambda _: part(b"no picture"), "answers, but sends no complete JPEG"),
        (lambda data: part(data[:-100]), "sends pictures that break off"),
    ],
)
def test_a_camera_that_sends_no_picture_is_an_error(monkeypatch, camera, form, said):
    monkeypatch.setattr("fashion_edge.sources.mjpeg.READ_TIMEOUT_S", 0.2)
    with camera(endless(form)) as port, pytest.raises(SourceError, match=f"stream c {said}; check it in a browser"):
        open_mjpeg(f"http://127.0.0.1:{port}/", "c")


def test_a_camera_that_sends_byte_by_byte_is_left(monkeypatch, camera):
    monkeypatch.setattr("fashion_edge.sources.connect.OPEN_TIMEOUT_S", 0.3)

    def trickle(_: bytes) -> Iterator[bytes]:
        for byte in HEAD * 100:
            time.sleep(0.05)
            yield bytes([byte])

    with camera(trickle) as port:
        started = time.monotonic()
        with pytest.raises(SourceError, match=r"stream c gets no answer from its host within"):
            open_mjpeg(f"http://127.0.0.1:{port}/", "c")
        assert time.monotonic() - started < 3


def test_a_camera_that_stops_is_lost_and_comes_back(monkeypatch, camera):
    monkeypatch.setattr("fashion_edge.sources.mjpeg.READ_TIMEOUT_S", 0.3)

    def answer(_: bytes) -> Iterator[bytes]:
        yield HEAD
        for index in range(5):
            yield part(jpeg(index))
        time.sleep(2)

    with camera(answer) as port:
        items = open_source(f"http://127.0.0.1:{port}/").items()
        kinds = []
        while "live" not in kinds:
            item = next(items)
            kinds.append(item.state if isinstance(item, Event) else "frame")
        items.close()
    assert kinds[-2:] == ["lost", "live"]


def test_close_ends_the_connection(camera):
    ended = threading.Event()

    def answer(_: bytes) -> Iterator[bytes]:
        try:
            yield HEAD
            while True:
                time.sleep(0.01)
                yield part(jpeg(1))
        finally:
            ended.set()

    with camera(answer) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c")
        capture.close()
        capture.close()
        assert capture.read() is None or capture.read() is None
        assert ended.wait(2), "some cameras serve one client at a time"


def test_grey_pictures_have_three_channels(camera):
    grey = cv2.imencode(".jpg", np.full((48, 64), 100, np.uint8))[1].tobytes()
    with camera(endless(lambda _: part(grey))) as port:
        capture = open_mjpeg(f"http://127.0.0.1:{port}/", "c")
        assert capture.read().image.shape == (48, 64, 3)
        capture.close()


def test_a_video_file_is_left_to_ffmpeg(camera):
    with camera(lambda _: [typed(b"video/mp4") + b"data"]) as port:
        assert open_mjpeg(f"http://127.0.0.1:{port}/clip.mp4", "c") is None


def test_an_answer_without_type_and_data_is_left_to_ffmpeg(camera, monkeypatch):
    monkeypatch.setattr("fashion_edge.sources.connect.READ_TIMEOUT_S", 0.1)

    def answer(_: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        time.sleep(1)

    with camera(answer) as port:
        assert open_mjpeg(f"http://127.0.0.1:{port}/", "c") is None


def test_a_proxy_of_the_environment_is_left_to_ffmpeg(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert open_mjpeg("http://camera.example/", "c") is None
