import asyncio
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.resources import files
from typing import Any

import aiohttp
import cv2
import numpy as np
import pytest

from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Fault
from fashion_edge.overlay import enlarge
from fashion_edge.web import Address, WebSink, state
from fashion_edge.web.auth import BACKLOG
from fashion_edge.web.routes import MAX_CLIENTS
from fashion_edge.web.server import MAX_CONNECTIONS
from fashion_edge.web.state import LiveState


def lose(sink: WebSink) -> None:
    sink.event(Event("camera:0", "lost", time.monotonic(), "unplugged"))


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def unpack(message: bytes) -> tuple[dict[str, Any], np.ndarray]:
    length = struct.unpack(">I", message[:4])[0]
    return json.loads(message[4 : 4 + length]), decode(message[4 + length :])


async def next_picture(client: aiohttp.ClientSession, sink: WebSink, after: int = 0) -> tuple[dict, np.ndarray]:
    async with client.post(f"{sink.url}api/picture", params={"after": after}) as response:
        assert response.status == 200
        return unpack(await response.read())


@contextmanager
def raw_client(sink: WebSink, path: str) -> Iterator[socket.socket]:
    """A connection that has sent a request and not yet read the response."""
    with socket.create_connection(("127.0.0.1", sink.port), timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{sink.port}\r\n\r\n".encode())
        yield client


def wait_until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def state_of(request_to):
    return lambda sink: json.loads(request_to(sink, "/api/state").body)


@pytest.fixture
def live():
    """The state that a page shows, without a server."""
    return LiveState(LabelSpace((), {}, {}), "demo")


def test_state_is_that_of_the_newest_result(sink, state_of, result):
    before = state_of(sink)
    assert (before["source"]["state"], before["result"]) == ("starting", None)
    frame = result(7)
    sink.put_clean(frame)
    sink.put(frame)
    after = state_of(sink)
    assert after["source"]["state"] == "live"
    assert after["result"]["text"] == "red dress"
    assert after["result"]["box"] == [0.2188, 0.0, 0.5625, 1.0]
    assert (after["result"]["fps"], after["result"]["age_p99_ms"]) == (30.0, 9.0)
    assert after["space"]["groups"] == {"colour": ["blue", "red"], "garment": ["dress"]}
    assert after["run"] == {"frames": 1, "dropped": 0, "faults": 0, "losses": 0, "failed_outputs": 0, "clients": 0}
    assert set(after["device"]) == {"temperature_c", "throttled", "throttled_before", "cpu_percent", "memory_mb"}


def test_state_has_the_size_of_the_frame_and_not_of_an_enlarged_one(sink, state_of, result):
    small = result()
    sink.put_clean(small)
    sink.put(enlarge(small))
    shown = state_of(sink)["result"]
    assert (shown["size"], shown["box"]) == ([64, 48], [0.2188, 0.0, 0.5625, 1.0])


def test_state_of_photos_has_no_rate_and_no_age(sink, state_of, result):
    sink.put(replace(result(), vitals=None))
    shown = state_of(sink)["result"]
    assert [shown[key] for key in ("fps", "age_p50_ms", "age_p99_ms")] == [None] * 3


def test_lost_source_has_no_result_and_its_still_is_the_card(sink, state_of, result, request_to):
    sink.put(result())
    lose(sink)
    after, response = state_of(sink), request_to(sink, "/still.jpg")
    assert [after["source"][key] for key in ("name", "state", "detail")] == ["camera:0", "lost", "unplugged"]
    assert after["result"] is None
    assert "no_signal" in response.headers["Content-Disposition"]
    assert decode(response.body)[:40].max() < 60


def test_host_name_that_resolves_to_loopback_is_reported(serve, monkeypatch, capsys):
    monkeypatch.setattr(Address, "listen", lambda _: socket.create_server(("127.0.0.1", 0)))  # Debian's /etc/hosts
    sink = serve("raspberrypi:0")
    expected = "raspberrypi is 127.0.0.1 on this machine, which other machines cannot reach; use --serve 0.0.0.0:{}\n"
    assert expected.format(sink.port) in capsys.readouterr().err
    serve()
    assert "other machines" not in capsys.readouterr().err


def test_frames_are_not_copied_while_no_client_waits(live, result):
    live.put_clean(result())
    assert live.picture is None
    live.wanted = True
    live.put_clean(result())
    assert live.picture is not None


def test_picture_keeps_the_stages_of_its_own_frame(live, result):
    live.wanted, frame = True, result()
    live.put_clean(frame)
    frame.stages_s["draw"] = 0.001  # by the frame loop, while the server reads the picture's
    assert "draw" not in live.picture.result.stages_s


def test_still_is_annotated_in_full_size_and_named_after_the_decision(sink, request_to, feeder):
    response = request_to(sink, "/still.jpg")
    assert re.search(r'attachment; filename="red_dress_\d{4}-.*Z\.jpg"', response.headers["Content-Disposition"])
    image = decode(response.body)
    assert image.shape == (384, 512, 3)  # eight times 48 x 64: annotations would cover so small a picture
    assert image.std() > 5, "something is drawn on the plain grey"


def test_without_a_new_frame_there_is_no_still_and_no_picture(sink, request_to, feed, monkeypatch):
    monkeypatch.setattr("fashion_edge.web.routes.PICTURE_TIMEOUT_S", 0.2)
    for _ in ("before the first frame", "after the last one"):
        response = request_to(sink, "/still.jpg")
        assert (response.status, response.body) == (503, b"there is no frame yet; see /api/state\n")
        assert request_to(sink, "/api/picture", method="POST").status == 204
        feeder = feed(sink)
        assert request_to(sink, "/api/picture", method="POST").status == 200
        feeder.stop()
        time.sleep(0.05)


def test_picture_number_must_be_a_number(sink, request_to):
    response = request_to(sink, "/api/picture?after=x", method="POST")
    assert (response.status, response.body) == (400, b"after='x' is not the number of a picture, such as 12\n")


def test_picture_is_the_newest_one_and_belongs_to_its_result(sink, feeder):

    async def visit():
        async with aiohttp.ClientSession() as client:
            first, image = await next_picture(client, sink)
            assert image.std() < 1, "the page draws for itself: the picture has no annotations"
            assert first["result"]["smoothed"] == {"blue": 0.01, "dress": 0.9, "red": 0.8}
            await asyncio.sleep(0.3)
            fed = feeder.frames
            for after in (0, first["number"]):
                document, _ = await next_picture(client, sink, after)
                assert document["result"]["frame"] >= fed - 5, "pictures of one moment are shared, older ones are not"

    asyncio.run(visit())


def test_picture_is_encoded_once_for_all_clients(sink, feeder, monkeypatch):
    encoded, real = [], state.encode
    monkeypatch.setattr(state, "encode", lambda *args: encoded.append(1) or real(*args))

    async def watch(client):
        seen = [0]
        for _ in range(10):
            seen.append((await next_picture(client, sink, seen[-1]))[0]["number"])
        return set(seen[1:])

    async def visit():
        async with aiohttp.ClientSession() as client:
            return set().union(*await asyncio.gather(*(watch(client) for _ in range(3))))

    assert len(encoded) <= len(asyncio.run(visit()))
    assert feeder.frames > len(encoded), "frames that no client waits for are not encoded"


def test_large_picture_is_scaled_down_for_the_page_and_not_for_a_still(sink, request_to, feed):
    feed(sink, width=4000)
    assert decode(request_to(sink, "/still.jpg").body).shape[1] == 4000
    document, image = unpack(request_to(sink, "/api/picture", method="POST").body)
    assert image.shape[1] == 1280
    assert document["result"]["size"] == [4000, 48]


def test_motion_jpeg_moves(sink, feeder):

    async def visit():
        async with aiohttp.ClientSession() as session, session.get(f"{sink.url}stream.mjpg") as response:
            assert response.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
            for _ in range(3):
                await response.content.readuntil(b"Content-Length: ")
                length = int((await response.content.readuntil(b"\r\n\r\n")).strip())
                assert decode(await response.content.readexactly(length)).shape == (48, 64, 3)

    asyncio.run(visit())


@pytest.fixture
def noisy_feeder(feeder, noise):
    """Feeds frames of a hundred kilobytes each: buffers fill within a second."""
    feeder.result = replace(feeder.result, frame=replace(feeder.result.frame, image=noise))
    return feeder


def test_clients_that_read_nothing_do_not_delay_the_loop_or_other_clients(sink, noisy_feeder):
    async def visit():
        async with aiohttp.ClientSession() as client:
            number = 0
            for _ in range(20):
                number = (await next_picture(client, sink, number))[0]["number"]

    with ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(raw_client(sink, "/stream.mjpg"))
        before = noisy_feeder.frames
        asyncio.run(visit())
        assert noisy_feeder.frames > before + 20


def test_client_that_reads_nothing_is_disconnected(sink, state_of, noisy_feeder, monkeypatch):
    monkeypatch.setattr("fashion_edge.web.routes.WRITE_TIMEOUT_S", 0.3)
    with raw_client(sink, "/stream.mjpg"):
        wait_until(lambda: state_of(sink)["run"]["clients"] == 1)
        wait_until(lambda: state_of(sink)["run"]["clients"] == 0)


@pytest.mark.parametrize("path", ["/stream.mjpg", "/api/events"])
def test_client_that_disconnects_while_the_source_is_lost_frees_its_slot(sink, state_of, path):
    lose(sink)
    with raw_client(sink, path) as client:
        assert client.recv(100_000).startswith(b"HTTP/1.1 200")
        assert state_of(sink)["run"]["clients"] == 1
    wait_until(lambda: state_of(sink)["run"]["clients"] == 0)


def test_number_of_clients_is_limited(sink, state_of, request_to):
    with ExitStack() as stack:
        clients = [stack.enter_context(raw_client(sink, "/api/events")) for _ in range(MAX_CLIENTS)]
        for client in clients:
            assert client.recv(100_000).startswith(b"HTTP/1.1 200")
        for path in ("/api/events", "/stream.mjpg"):
            response = request_to(sink, path)
            assert (response.status, response.body) == (503, b"16 clients are connected already; close one\n")
        assert state_of(sink)["run"]["clients"] == MAX_CLIENTS
        clients[0].close()
        wait_until(lambda: state_of(sink)["run"]["clients"] < MAX_CLIENTS)
        with raw_client(sink, "/api/events") as client:
            assert client.recv(100_000).startswith(b"HTTP/1.1 200")


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.slow  # the kernel repeats the handshakes beyond its backlog after a second
def test_number_of_connections_is_limited(sink, request_to):
    excess = 100 - MAX_CONNECTIONS - BACKLOG
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", sink.port))) for _ in range(100)]
        wait_until(lambda: sum(map(is_closed, idle)) >= excess)

    def answers():
        try:
            return bool(request_to(sink, "/api/state").status == 200)
        except ConnectionError:
            return False  # the server has not yet seen that the others are gone

    wait_until(answers)


async def read_events(sink: WebSink, count: int, last: str = "", query: str = "") -> list[tuple[str, dict]]:
    """The first `count` events: kind and data."""
    found: list[tuple[str, dict]] = []
    kind = ""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{sink.url}api/events{query}", headers={"Last-Event-ID": last}) as response,
    ):
        while len(found) < count:
            line = (await asyncio.wait_for(response.content.readline(), 10)).decode().strip()
            field, _, value = line.partition(": ")
            kind = value if field == "event" else kind
            if field == "data":
                found.append((kind, json.loads(value)))
    return found


def test_events_can_be_resumed_by_the_id_of_this_run(sink, result):
    sink.put(result(0))
    sink.put(result(1))  # the same decision: no event
    sink.fault(Fault("x.jpg", 1, "x.jpg is empty"))
    threading.Timer(0.2, lose, [sink]).start()

    def kinds(count, last=""):
        return [kind for kind, _ in asyncio.run(read_events(sink, count, last))]

    assert kinds(3) == ["decision", "fault", "lost"], "the last one while the stream is open"
    with raw_client(sink, "/api/events") as client, client.makefile() as lines:
        run = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ").partition("-")[0]
    assert kinds(1, f"{run}-2") == ["lost"]
    for other in ("5000", "186a0-2", "nonsense"):
        assert kinds(1, other) == ["decision"], "ids of another run start from the beginning"


def test_events_with_the_state_are_what_the_page_reads(sink, result):
    sink.put(result())
    (first, change), (second, document) = asyncio.run(read_events(sink, 2, query="?state"))
    assert (first, change["text"], change["labels"]) == ("decision", "red dress", ["dress", "red"])
    assert (second, document["result"]["text"]) == ("state", "red dress")


def test_end_of_the_run_is_an_event(sink):
    threading.Timer(0.3, sink.close).start()
    assert asyncio.run(read_events(sink, 1)) == [("ended", {"text": "the run has ended"})]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sink.port), timeout=2)


def test_error_that_ends_the_server_is_raised_by_the_sink(serve, result, monkeypatch):
    async def fail(monitor):
        raise RuntimeError("out of sockets")

    monkeypatch.setattr(aiohttp.web.AppRunner, "setup", fail)
    with pytest.raises(RuntimeError, match="out of sockets"):
        serve().put(result())


def test_error_of_a_handler_is_printed_and_not_sent(serve, request_to, monkeypatch, capsys):
    def fail(*given):
        raise ValueError("secret")

    monkeypatch.setattr("fashion_edge.web.routes.render_metrics", fail)
    response = request_to(serve(), "/metrics")
    assert (response.status, response.body) == (500, b"")
    assert "--serve: '/metrics' failed with ValueError: secret\n" in capsys.readouterr().err


def test_page_loads_nothing_from_other_sites():
    for file in (files("fashion_edge.web") / "static").iterdir():
        addresses = re.findall(r"https?://[^\"'\s)]+", file.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file.name


def test_page_writes_midnight_as_0():
    script = (files("fashion_edge.web") / "static" / "page.js").read_text()
    assert 'toLocaleTimeString([], { hourCycle: "h23" })' in script, "hour12: false is 24:00:05 in older browsers"
