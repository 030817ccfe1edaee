"""What each address answers."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from aiohttp import WSMsgType, web

from fashion_edge.web.metrics import CONTENT_TYPE, render_metrics
from fashion_edge.web.state import Board, Machine, Picture, describe_run

MOST = 16  # pages, streams and event readers at once
INTERVAL_S = 1 / 30  # between two pictures of one client


class Pulse:
    """Wakes everybody who waits; belongs to one event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wait(self) -> Coroutine[None, None, bool]:
        """To be awaited: until the first `fire` after this call."""
        return self._event.wait()

    def fire(self) -> None:
        """Wake those who wait now."""
        event, self._event = self._event, asyncio.Event()
        event.set()


class Clients:
    """Lives in the server's event loop."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self.pulse = Pulse()
        self.closing = asyncio.Event()
        self.watching = 0

    @contextmanager
    def seat(self) -> Iterator[bool]:
        """Whether there is room for one more; the place is free again when the block ends."""
        room = self.watching < MOST
        self.watching += room
        try:
            yield room
        finally:
            self.watching -= room

    async def picture(self, after: int) -> Picture | None:
        """The newest picture with a number above `after`; asks the loop for one and waits. None once the run ends.

        One that another client asked for serves this one, too, if it came after that was asked or a moment before.
        """
        since = time.monotonic() - INTERVAL_S
        while not self.closing.is_set():
            picture = self.board.current(since)
            if picture is not None and picture.number > after:
                return picture
            self.board.wanted = True
            await self.pulse.wait()
        return None

    def close(self) -> None:
        """Let everybody go."""
        self.closing.set()
        self.pulse.fire()


STATE_EVERY_S = 1.0
HEARTBEAT_S = 10.0  # a client that does not answer a ping within half of it is gone
LONGEST = 16  # bytes of a client's message; `next` is all it says


class Live:
    """One client. Nothing is queued for it, so that a slow one sees fewer pictures and no older ones."""

    def __init__(self, clients: Clients, describe: Callable[[], dict[str, Any]]) -> None:
        self._clients = clients
        self._describe = describe
        self._ready = asyncio.Event()
        self._ready.set()

    async def answer(self, request: web.Request) -> web.WebSocketResponse:
        """Serve until the client goes or the run ends."""
        socket = web.WebSocketResponse(heartbeat=HEARTBEAT_S, compress=False, max_msg_size=LONGEST, timeout=1.0)
        await socket.prepare(request)
        jobs = (self._listen, self._send_pictures, self._send_states)
        tasks = [asyncio.ensure_future(job(socket)) for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)  # a client that left is no error
        if self._clients.closing.is_set() and not socket.closed:
            with suppress(ConnectionError):
                await socket.send_str(json.dumps({"source": {"state": "ended", "detail": "the run has ended"}}))
        await socket.close(code=1001)
        return socket

    async def _listen(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is WSMsgType.TEXT and message.data == "next":
                self._ready.set()

    async def _send_pictures(self, socket: web.WebSocketResponse) -> None:
        last = 0
        while True:
            await self._ready.wait()
            self._ready.clear()
            if (picture := await self._clients.picture(last)) is None:
                return
            sent = time.monotonic()
            await socket.send_bytes(picture.message)
            last = picture.number
            await asyncio.sleep(max(0.0, sent + INTERVAL_S - time.monotonic()))

    async def _send_states(self, socket: web.WebSocketResponse) -> None:
        """Once a second, and at once when something changed."""
        last = 0
        while not self._clients.closing.is_set():
            changes = self._clients.board.changes_after(last)
            last = changes[-1].number if changes else last
            records = [{"number": change.number, "kind": change.kind, **change.record} for change in changes]
            await socket.send_str(json.dumps({**self._describe(), "changes": records}, ensure_ascii=False))
            await self._wait_for_change(last)

    async def _wait_for_change(self, last: int) -> None:
        until = time.monotonic() + STATE_EVERY_S
        while not self._clients.board.changes_after(last) and not self._clients.closing.is_set():
            try:
                await asyncio.wait_for(self._clients.pulse.wait(), until - time.monotonic())
            except TimeoutError:
                return


PATIENCE_S = 3.0  # for a frame, when one picture is asked for
KEEP_ALIVE_S = 15.0
STALLED_S = 20.0
SEND_BUFFER = 64 << 10  # bytes; what waits in a larger one would be old before it is seen
STATIC = {
    "/": ("index.html", "text/html"),
    "/style.css": ("style.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}


class Routes:
    """Handlers; all run in the server's event loop."""

    def __init__(self, clients: Clients, machine: Machine) -> None:
        self._clients = clients
        self._machine = machine

    def add_to(self, app: web.Application) -> None:
        """Register them."""
        folder = files("fashion_edge.web") / "static"
        for path, (name, kind) in STATIC.items():
            app.router.add_get(path, _static((folder / name).read_bytes(), kind))
        app.router.add_get("/api/state", self.state)
        app.router.add_get("/api/events", self.events, allow_head=False)
        app.router.add_get("/api/live", self.live, allow_head=False)
        app.router.add_get("/still.jpg", self.still, allow_head=False)
        app.router.add_get("/stream.mjpg", self.stream, allow_head=False)
        app.router.add_get("/metrics", self.metrics)

    def describe(self) -> dict[str, Any]:
        """The document of `/api/state`."""
        machine = self._machine
        process = {"cpu_percent": machine.cpu_percent, "memory_mb": round(machine.memory_bytes / 1e6, 1)}
        return describe_run(self._clients.board, machine.telemetry, process, self._clients.watching)

    async def state(self, _: web.Request) -> web.Response:
        """How things are, as JSON."""
        return web.json_response(self.describe(), dumps=lambda data: json.dumps(data, ensure_ascii=False))

    async def metrics(self, _: web.Request) -> web.Response:
        """For Prometheus."""
        board, machine = self._clients.board, self._machine
        process = {
            "process_cpu_seconds_total": machine.cpu_seconds,
            "process_resident_memory_bytes": float(machine.memory_bytes),
        }
        text = render_metrics(
            board.counts, board.source.state, board.result, machine.telemetry, process, self._clients.watching
        )
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def live(self, request: web.Request) -> web.StreamResponse:
        """The page's WebSocket."""
        with self._clients.seat() as room:
            return await Live(self._clients, self.describe).answer(request) if room else _full()

    async def still(self, _: web.Request) -> web.Response:
        """The newest picture, annotated, as a download."""
        try:
            picture = await asyncio.wait_for(self._clients.picture(0), PATIENCE_S)
        except TimeoutError:
            picture = None
        if picture is None:
            return web.Response(status=503, text="no frame has come; see /api/state\n")
        body = await asyncio.to_thread(getattr, picture, "still")  # encoding a large one takes a while
        words = re.sub(r"[^\w]+", "_", picture.result.decision.text).strip("_") if picture.result else "no_signal"
        name = f"{words or 'unsure'}_{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.jpg"
        name = name.encode("ascii", "replace").decode().replace("?", "_")
        disposition = {"Content-Disposition": f'attachment; filename="{name}"'}
        return web.Response(body=body, content_type="image/jpeg", headers=disposition)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Motion JPEG, for programs that show nothing else."""
        with self._clients.seat() as room:
            if not room:
                return _full()
            answer = web.StreamResponse(headers={"Content-Type": "multipart/x-mixed-replace; boundary=frame"})
            await answer.prepare(request)
            _shorten_buffers(request)
            last = 0
            while (picture := await self._clients.picture(last)) is not None:
                due = time.monotonic() + INTERVAL_S
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n\r\n"
                times = 1 if picture.result else 2  # a browser shows a part when the next begins: behind a card, none
                await _send(answer, (head.encode() + picture.jpeg + b"\r\n") * times)
                last = picture.number
                await asyncio.sleep(max(0.0, due - time.monotonic()))
            return answer

    async def events(self, request: web.Request) -> web.StreamResponse:
        """What changed, as server-sent events (html.spec.whatwg.org, 9.2): the past ones first, then as it happens."""
        with self._clients.seat() as room:
            if not room:
                return _full()
            answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await answer.prepare(request)
            last = self._clients.board.number_of(request.headers.get("Last-Event-ID", ""))
            await answer.write(b"retry: 2000\n\n")
            while not self._clients.closing.is_set():
                for change in self._clients.board.changes_after(last):
                    name = f"{self._clients.board.run}-{change.number}"
                    data = json.dumps(change.record, ensure_ascii=False)
                    await _send(answer, f"id: {name}\nevent: {change.kind}\ndata: {data}\n\n".encode())
                    last = change.number
                if not await self._changed(last):
                    await _send(answer, b": nothing new\n\n")
            return answer

    async def _changed(self, last: int) -> bool:
        """Whether something changed, or the run ends, before it is time for a sign of life."""

        async def wait() -> None:
            while not self._clients.board.changes_after(last) and not self._clients.closing.is_set():
                await self._clients.pulse.wait()

        try:
            await asyncio.wait_for(wait(), KEEP_ALIVE_S)
        except TimeoutError:
            return False
        return True


def _static(body: bytes, kind: str) -> Callable[[web.Request], Any]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset=None if kind == "image/svg+xml" else "utf-8")

    return answer


async def _send(answer: web.StreamResponse, data: bytes) -> None:
    """Write; a client that has taken nothing for so long is gone, and its seat is free again.

    Raises:
        ConnectionError: it is.
    """
    try:
        async with asyncio.timeout(STALLED_S):
            await answer.write(data)
    except TimeoutError:
        raise ConnectionAbortedError(f"nothing was read for {STALLED_S:g} s") from None


def _full() -> web.Response:
    return web.Response(status=503, text=f"{MOST} clients watch already; close one\n")


def _shorten_buffers(request: web.Request) -> None:
    """Keep little between the loop and a slow client."""
    transport = request.transport
    if transport is None:
        return
    transport.set_write_buffer_limits(high=0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
