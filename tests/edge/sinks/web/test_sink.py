import asyncio
import json
import re
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from importlib.resources import files

import aiohttp
import cv2
import numpy as np
import pytest

from fashion_edge.frame import Event, Fault
from fashion_edge.overlay import enlarge
from fashion_edge.web import Address, WebSink, state
from fashion_edge.web.auth import BACKLOG
from fashion_edge.web.routes import MOST
from fashion_edge.web.server import MOST_CONNECTIONS

Serve = Callable[..., WebSink]


def lost(sink: WebSink) -> None:
    sink.event(Event("camera:0", "lost", time.monotonic(), "unplugged"))


def decode(jpeg: bytes) -> np.ndarray:
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)


def unpack(message: bytes) -> tuple[dict, np.ndarray]:
    length = struct.unpack(">I", message[:4])[0]
    return json.loads(message[4 : 4 + length]), decode(message[4 + length :])


async def next_picture(client: aiohttp.ClientWebSocketResponse) -> tuple[dict, np.ndarray]:
    while (message := await client.receive(timeout=10)).type is not aiohttp.WSMsgType.BINARY:
        assert message.type is aiohttp.WSMsgType.TEXT, message
    return unpack(message.data)


def test_the_state_is_the_newest_result(serve: Serve, ask: Callable, result: Callable) -> None:
    sink = serve()
    before = json.loads(ask(sink, "/api/state").body)
    assert (before["source"]["state"], before["result"]) == ("starting", None)
    frame = result(7)
    sink.put_clean(frame)
    sink.put(frame)
    state = json.loads(ask(sink, "/api/state").body)
    assert state["source"]["state"] == "live"
    assert state["result"]["text"] == "red dress"
    assert state["result"]["box"] == [0.2188, 0.0, 0.5625, 1.0]
    assert (state["result"]["fps"], state["result"]["age_p99_ms"]) == (30.0, 9.0)
    assert state["space"]["groups"] == {"colour": ["blue", "red"], "garment": ["dress"]}
    assert state["run"]["frames"] == 1


def test_a_small_picture_that_is_enlarged_for_a_recording_keeps_its_size(
    serve: Serve, ask: Callable, result: Callable
) -> None:
    sink, small = serve(), result()
    sink.put_clean(small)
    sink.put(enlarge(small))
    state = json.loads(ask(sink, "/api/state").body)["result"]
    assert state["size"] == [64, 48]
    assert state["box"] == [0.2188, 0.0, 0.5625, 1.0]


def test_a_name_that_means_this_machine_alone_is_told_from_one_that_others_reach(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(Address, "listen", lambda _: socket.create_server(("127.0.0.1", 0)))  # Debian's /etc/hosts
    sink = serve("raspberrypi:0")
    said = "raspberrypi is 127.0.0.1 here, which no other machine reaches; --serve 0.0.0.0:{} serves others, too\n"
    assert said.format(sink.port) in capsys.readouterr().err
    serve()
    assert "no other machine" not in capsys.readouterr().err, "who gives no host wants no others"


def test_after_a_loss_there_is_no_result_any_more(serve: Serve, ask: Callable, result: Callable) -> None:
    sink = serve()
    sink.put(result())
    lost(sink)
    state = json.loads(ask(sink, "/api/state").body)
    assert (state["source"]["state"], state["source"]["detail"]) == ("lost", "unplugged")
    assert state["result"] is None
    assert "camera:0" in state["source"]["name"]


def test_nothing_is_copied_or_encoded_while_nobody_looks(serve: Serve, result: Callable) -> None:
    sink = serve()
    frame = result()
    sink.put_clean(frame)
    sink.put(frame)
    assert sink._board.picture is None


def test_a_still_is_annotated_in_full_size_and_has_a_telling_name(serve: Serve, ask: Callable, feed: Callable) -> None:
    sink = serve()
    feed(sink)
    answer = ask(sink, "/still.jpg")
    assert re.search(r'attachment; filename="red_dress_\d{4}-.*Z\.jpg"', answer.headers["Content-Disposition"])
    image = decode(answer.body)
    assert image.shape == (384, 512, 3)  # eight times 48 x 64: words would hide so small a picture
    assert image.std() > 5, "something is drawn on the plain grey"


def test_a_still_of_a_lost_camera_is_the_card(serve: Serve, ask: Callable) -> None:
    sink = serve()
    lost(sink)
    answer = ask(sink, "/still.jpg")
    assert "no_signal" in answer.headers["Content-Disposition"]
    assert decode(answer.body)[:40].max() < 60


def test_without_a_frame_a_still_says_so(serve: Serve, ask: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fashion_edge.web.routes.PATIENCE_S", 0.05)
    answer = ask(serve(), "/still.jpg")
    assert (answer.status, answer.body) == (503, b"no frame has come; see /api/state\n")


def test_an_old_picture_is_not_shown_to_who_comes_new(
    serve: Serve, ask: Callable, result: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fashion_edge.web.routes.PATIENCE_S", 0.05)
    sink = serve()
    sink._board.wanted = True
    sink.put_clean(result())
    monkeypatch.setattr("fashion_edge.web.routes.INTERVAL_S", 0.0)
    assert ask(sink, "/still.jpg").status == 503


def test_what_another_client_was_given_half_a_second_ago_is_not_the_newest(serve: Serve, feed: Callable) -> None:
    sink = serve()
    feeder = feed(sink)

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sink.url}api/live") as early:
            await next_picture(early)
            await asyncio.sleep(0.5)
            asked = feeder.frames
            async with session.ws_connect(f"{sink.url}api/live") as late:
                seen, _ = await next_picture(late)
        assert seen["result"]["frame"] >= asked - 5, "pictures of one moment are shared, and no older ones"

    asyncio.run(visit())


def test_a_frame_is_drawn_on_while_its_picture_is_described(serve: Serve, result: Callable) -> None:
    sink, frame = serve(), result()
    sink._board.wanted = True
    sink.put_clean(frame)
    shown = sink._board.picture.result
    for _ in shown.stages_s:  # the server's thread is here, while the loop's takes the time of the drawing
        frame.stages_s["draw"] = 0.001
    assert "draw" not in shown.stages_s


def test_the_rate_and_age_of_photos_are_unknown_and_not_nought(serve: Serve, ask: Callable, result: Callable) -> None:
    sink = serve()
    sink.put(replace(result(), vitals=None))
    state = json.loads(ask(sink, "/api/state").body)["result"]
    assert [state[key] for key in ("fps", "age_p50_ms", "age_p99_ms")] == [None, None, None]


def test_each_client_gets_the_newest_picture_and_what_was_said_of_it(serve: Serve, feed: Callable) -> None:
    sink = serve()
    feeder = feed(sink)

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sink.url}api/live") as client:
            first, image = await next_picture(client)
            assert image.std() < 1, "the page draws for itself: the picture is clean"
            assert first["result"]["smoothed"] == {"blue": 0.01, "dress": 0.9, "red": 0.8}
            await asyncio.sleep(0.2)
            asked = feeder.frames
            await client.send_str("next")
            second, _ = await next_picture(client)
            assert second["result"]["frame"] >= asked, "nothing waits in a queue"

    asyncio.run(visit())


def test_a_picture_is_encoded_once_for_all_clients(
    serve: Serve, feed: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoded, real = [], state.encode
    monkeypatch.setattr(state, "encode", lambda image, quality: encoded.append(1) or real(image, quality))
    sink = serve()
    feeder = feed(sink)

    async def watch(client: aiohttp.ClientWebSocketResponse, seen: set[int]) -> None:
        for _ in range(10):
            seen.add((await next_picture(client))[0]["result"]["frame"])
            await client.send_str("next")

    async def visit() -> set[int]:
        seen: set[int] = set()
        async with aiohttp.ClientSession() as session:
            clients = [await session.ws_connect(f"{sink.url}api/live") for _ in range(3)]
            await asyncio.gather(*(watch(client, seen) for client in clients))
            for client in clients:
                await client.close()
        return seen

    seen = asyncio.run(visit())
    assert len(encoded) <= len(seen) + 3, "at most one more is under way for each client"
    assert feeder.frames > len(encoded), "and frames that nobody asked for are not encoded at all"


def test_a_client_that_never_reads_does_not_hold_up_the_loop_nor_another(
    serve: Serve, feed: Callable, noise: np.ndarray
) -> None:
    sink = serve()
    feeder = feed(sink)
    frame = replace(feeder.result.frame, image=noise)  # a hundred kilobytes each: buffers fill within a second
    feeder.result = replace(feeder.result, frame=frame)
    stalled = [socket.create_connection(("127.0.0.1", sink.port)) for _ in range(3)]
    for one in stalled:
        one.sendall(f"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{sink.port}\r\n\r\n".encode())

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sink.url}api/live") as client:
            for _ in range(20):
                await next_picture(client)
                await client.send_str("next")

    before = feeder.frames
    asyncio.run(visit())
    assert feeder.frames > before + 20
    for one in stalled:
        one.close()


def test_a_client_that_has_read_nothing_for_long_loses_its_seat(
    serve: Serve, ask: Callable, feed: Callable, noise: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fashion_edge.web.routes.STALLED_S", 0.3)
    sink = serve()
    feeder = feed(sink)
    feeder.result = replace(feeder.result, frame=replace(feeder.result.frame, image=noise))

    def watching() -> int:
        return int(json.loads(ask(sink, "/api/state").body)["run"]["clients"])

    with socket.create_connection(("127.0.0.1", sink.port)) as stalled:
        stalled.sendall(f"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1:{sink.port}\r\n\r\n".encode())
        until = time.monotonic() + 20
        while watching() != 1:
            assert time.monotonic() < until
        while watching() != 0:
            assert time.monotonic() < until


@pytest.mark.parametrize("path", ["/stream.mjpg", "/api/events"])
def test_a_client_that_goes_while_the_camera_is_lost_frees_its_seat(serve: Serve, ask: Callable, path: str) -> None:
    sink = serve()
    lost(sink)

    def watching() -> int:
        return int(json.loads(ask(sink, "/api/state").body)["run"]["clients"])

    with socket.create_connection(("127.0.0.1", sink.port), timeout=10) as client:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{sink.port}\r\n\r\n".encode())
        assert client.recv(100_000).startswith(b"HTTP/1.1 200")
        assert watching() == 1
    until = time.monotonic() + 5
    while watching() != 0:
        assert time.monotonic() < until


def test_there_is_a_limit_to_those_who_watch(serve: Serve, ask: Callable, feed: Callable) -> None:
    sink = serve()
    feed(sink)

    async def visit() -> None:
        async with aiohttp.ClientSession() as session:
            clients = [await session.ws_connect(f"{sink.url}api/live") for _ in range(MOST)]
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                await session.ws_connect(f"{sink.url}api/live")
            async with session.get(f"{sink.url}api/state") as answer:
                assert (await answer.json())["run"]["clients"] == MOST, "the state is still told"
            await clients[0].close()
            await asyncio.sleep(0.1)
            await (await session.ws_connect(f"{sink.url}api/live")).close()

    asyncio.run(visit())


@pytest.mark.slow
def test_a_stranger_cannot_take_all_files(serve: Serve, ask: Callable) -> None:
    sink = serve()
    least = 100 - MOST_CONNECTIONS - BACKLOG
    with ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(("127.0.0.1", sink.port))) for _ in range(100)]
        until, closed = time.monotonic() + 10, 0
        while closed < least and time.monotonic() < until:
            closed = sum(is_closed(one) for one in idle)
        assert closed >= least
    while True:  # until the server has seen that they are gone
        try:
            assert ask(sink, "/api/state").status == 200
            return
        except ConnectionError:
            assert time.monotonic() < until


def is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def test_a_client_that_talks_too_much_is_cut_off(serve: Serve, feed: Callable) -> None:
    sink = serve()
    feed(sink)

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sink.url}api/live") as client:
            await client.send_str("n" * 100_000)
            while (message := await client.receive(timeout=10)).type in (
                aiohttp.WSMsgType.TEXT,
                aiohttp.WSMsgType.BINARY,
            ):
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)

    asyncio.run(visit())


def test_motion_jpeg_moves(serve: Serve, feed: Callable) -> None:
    sink = serve()
    feed(sink)

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.get(f"{sink.url}stream.mjpg") as answer:
            assert answer.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
            for _ in range(3):
                await answer.content.readuntil(b"Content-Length: ")
                length = int((await answer.content.readuntil(b"\r\n\r\n")).strip())
                assert decode(await answer.content.readexactly(length)).shape == (48, 64, 3)

    asyncio.run(visit())


def test_events_come_as_they_happen_and_can_be_taken_up_again(serve: Serve, result: Callable) -> None:
    sink = serve()
    sink.put(result(0))
    sink.put(result(1))
    sink.fault(Fault("x.jpg", 1, "x.jpg is empty"))

    async def lines(last: str, kinds: list[str]) -> list[str]:
        found: list[str] = []
        headers = {"Last-Event-ID": last}
        async with aiohttp.ClientSession() as session, session.get(f"{sink.url}api/events", headers=headers) as answer:
            while len(found) < len(kinds):
                line = (await asyncio.wait_for(answer.content.readline(), 10)).decode().strip()
                if line.startswith("event: "):
                    found.append(line.removeprefix("event: "))
                    if found == ["decision", "fault"]:
                        lost(sink)
        return found

    assert asyncio.run(lines("", ["decision", "fault", "lost"])) == ["decision", "fault", "lost"]
    assert asyncio.run(lines(f"{sink._board.run}-2", ["lost"])) == ["lost"]
    assert asyncio.run(lines("5000", ["decision"])) == ["decision"]
    assert asyncio.run(lines("186a0-2", ["decision"])) == ["decision"], "a run before this one counted from 1, too"
    assert asyncio.run(lines("nonsense", ["decision"])) == ["decision"]


def test_the_end_of_the_run_is_said_to_who_watches(serve: Serve, feed: Callable) -> None:
    sink = serve()
    feeder = feed(sink)

    async def visit() -> list[str]:
        said: list[str] = []
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sink.url}api/live") as client:
            await next_picture(client)
            feeder.stop()
            await asyncio.to_thread(sink.close)
            async for message in client:
                if message.type is aiohttp.WSMsgType.TEXT:
                    said.append(json.loads(message.data)["source"]["state"])
        return said

    assert asyncio.run(visit())[-1] == "ended"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sink.port), timeout=2)


def test_a_server_that_died_is_a_sink_that_failed(serve: Serve, result: Callable) -> None:
    sink = serve()
    sink._server.error = RuntimeError("out of sockets")
    with pytest.raises(RuntimeError, match="out of sockets"):
        sink.put(result())


def test_a_large_picture_is_made_smaller_for_the_page_and_not_for_a_still(
    serve: Serve, ask: Callable, feed: Callable, result: Callable
) -> None:
    sink = serve()
    feed(sink).result = result(width=4000)
    assert decode(ask(sink, "/still.jpg").body).shape[1] == 4000

    async def visit() -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{sink.url}api/live") as client:
            document, image = await next_picture(client)
            assert image.shape[1] == 1280
            assert document["result"]["size"] == [4000, 48]

    asyncio.run(visit())


def test_the_page_names_no_other_site() -> None:
    for file in (files("fashion_edge.web") / "static").iterdir():
        addresses = re.findall(r"https?://[^\"'\s)]+", file.read_text())
        assert set(addresses) <= {"http://www.w3.org/2000/svg"}, file.name


def test_midnight_is_no_24_oclock_in_the_history() -> None:
    script = (files("fashion_edge.web") / "static" / "page.js").read_text()
    assert 'toLocaleTimeString([], { hourCycle: "h23" })' in script, "with hour12: false older browsers say 24:00:05"
