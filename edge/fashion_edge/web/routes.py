"""What each address answers."""

import asyncio
import re
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from fashion_edge.errors import quoted
from fashion_edge.sinks.stills import shorten, to_words
from fashion_edge.typed_json import encode_json
from fashion_edge.web.metrics import CONTENT_TYPE, render_metrics
from fashion_edge.web.state import HostMonitor, LiveState, Picture

MAX_CLIENTS = 16  # event and motion JPEG streams
PICTURE_INTERVAL_S = 0.025  # shorter than the 33 ms of a camera's frames: else every second one would be missed
PICTURE_TIMEOUT_S = 3.0
STATE_INTERVAL_S = 1.0
KEEP_ALIVE_S = 15.0  # between two writes to an event stream
WRITE_TIMEOUT_S = 20.0
SEND_BUFFER = 64 << 10  # bytes; a larger buffer would hold old pictures for a slow client
STATIC = Path(__file__).with_name("static")


class Routes:
    """Handlers, and what open streams wait for; all in the server's event loop."""

    def __init__(self, state: LiveState) -> None:
        self.monitor = HostMonitor()
        self._state = state
        self._closing = False
        self._clients = 0
        self._news = asyncio.Event()

    def notify(self) -> None:
        """Wake all streams that wait now."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def close(self) -> None:
        """End all streams."""
        self._closing = True
        self.notify()

    def add_to(self, app: web.Application) -> None:
        """Register them."""
        app.router.add_get("/", self._send_page)
        app.router.add_get("/api/state", self._send_state)
        app.router.add_get("/api/events", self._stream_events, allow_head=False)
        app.router.add_post("/api/picture", self._send_picture)
        app.router.add_get("/still.jpg", self._send_still, allow_head=False)
        app.router.add_get("/stream.mjpg", self._stream_pictures, allow_head=False)
        app.router.add_get("/metrics", self._send_metrics)
        app.router.add_static("/", STATIC)

    async def _send_page(self, _: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "index.html")

    async def _send_state(self, _: web.Request) -> web.Response:
        return web.Response(body=encode_json(self._record()), content_type="application/json", charset="utf-8")

    async def _send_metrics(self, _: web.Request) -> web.Response:
        text = render_metrics(self._state, self.monitor, self._clients)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _send_picture(self, request: web.Request) -> web.StreamResponse:
        """The newest picture after number `?after=`, with its result.

        A POST, since browsers then always send the page's origin, which `AccessPolicy` checks.
        """
        after = request.query.get("after", "0")
        if not (after.isascii() and after.isdigit() and len(after) < 19):
            raise web.HTTPBadRequest(text=f"after={quoted(after)} is not the number of a picture, such as 12\n")
        if (picture := await self._picture_in_time(int(after))) is None:
            return web.Response(status=204)
        response = await _start(request, "application/octet-stream", len(picture.message))
        await _write(response, picture.message)
        return response

    async def _send_still(self, _: web.Request) -> web.Response:
        if (picture := await self._picture_in_time(0)) is None:
            return web.Response(status=503, text="there is no frame yet; see /api/state\n")
        body = await asyncio.to_thread(getattr, picture, "still")  # encoding a large picture takes a while
        text = shorten(to_words(picture.result.text)) if picture.result else "no_signal"
        name = f"{text or 'unsure'}_{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}.jpg"
        disposition = f'attachment; filename="{re.sub("[^ -~]", "_", name)}"'
        return web.Response(body=body, content_type="image/jpeg", headers={"Content-Disposition": disposition})

    async def _stream_pictures(self, request: web.Request) -> web.StreamResponse:
        """Motion JPEG, for programs that cannot show anything else."""
        with self._slot():
            response = await _start(request, "multipart/x-mixed-replace; boundary=frame")
            last = 0
            while (picture := await self._next_picture(last)) is not None:
                head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture.jpeg)}\r\n\r\n"
                # A browser shows a part when the next one begins, and after a card there may be none for long.
                times = 1 if picture.result else 2
                await _write(response, (head.encode() + picture.jpeg + b"\r\n") * times)
                last = picture.number
            return response

    async def _stream_events(self, request: web.Request) -> web.StreamResponse:
        """Changes as server-sent events (html.spec.whatwg.org, 9.2), the past ones first; `?state` adds the state."""
        with_state = "state" in request.query
        interval_s = STATE_INTERVAL_S if with_state else KEEP_ALIVE_S
        with self._slot():
            response = await _start(request, "text/event-stream")
            last = self._state.change_number(request.headers.get("Last-Event-ID", ""))
            await _write(response, b"retry: 2000\n\n")
            while not self._closing:
                for change in self._state.changes_after(last):
                    await _write(response, _event(change.kind, change.record, f"{self._state.run_id}-{change.number}"))
                    last = change.number
                if with_state:
                    await _write(response, _event("state", self._record()))
                if not await self._wait_for_change(last, interval_s) and not with_state:
                    await _write(response, b": keep-alive\n\n")
            await _write(response, _event("ended", {"text": "the run has ended"}))
            return response

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Count a client while the block runs; status 503 if there are too many."""
        if self._clients >= MAX_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{MAX_CLIENTS} clients are connected already; close one\n")
        self._clients += 1
        try:
            yield
        finally:
            self._clients -= 1

    async def _next_picture(self, after: int) -> Picture | None:
        """The newest picture with a number above `after`, once the loop has delivered it; None at the end of the run.

        All clients share a picture, and at most one is made per `PICTURE_INTERVAL_S`.
        """
        newest = self._state.picture
        if newest is not None and newest.number <= after:
            await asyncio.sleep(newest.published_at + PICTURE_INTERVAL_S - time.monotonic())
        since = time.monotonic() - PICTURE_INTERVAL_S
        while not self._closing:
            picture = self._state.current_picture(since)
            if picture is not None and picture.number > after:
                return picture
            self._state.wanted = True
            await self._news.wait()
        return None

    async def _picture_in_time(self, after: int) -> Picture | None:
        try:
            return await asyncio.wait_for(self._next_picture(after), PICTURE_TIMEOUT_S)
        except TimeoutError:
            return None

    async def _wait_for_change(self, after: int, timeout_s: float) -> bool:
        """Whether there is a change with a number above `after`, or the run ends, within this time."""
        deadline = time.monotonic() + timeout_s
        while not self._state.changes_after(after) and not self._closing:
            try:
                await asyncio.wait_for(self._news.wait(), deadline - time.monotonic())
            except TimeoutError:
                return False
        return True

    def _record(self) -> dict[str, Any]:
        return self._state.record(self.monitor.record(), self._clients)


def _event(kind: str, record: dict[str, Any], event_id: str = "") -> bytes:
    head = f"id: {event_id}\n" if event_id else ""
    return f"{head}event: {kind}\ndata: ".encode() + encode_json(record) + b"\n\n"


async def _start(request: web.Request, content_type: str, length: int | None = None) -> web.StreamResponse:
    """Send the headers of a response that is written in parts, through small buffers."""
    response = web.StreamResponse(headers={"Content-Type": content_type, "X-Accel-Buffering": "no"})  # nginx
    response.content_length = length
    await response.prepare(request)
    if (transport := request.transport) is not None:
        transport.set_write_buffer_limits(high=0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    return response


async def _write(response: web.StreamResponse, data: bytes) -> None:
    """Write; a client that reads nothing for `WRITE_TIMEOUT_S` is disconnected."""
    try:
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await response.write(data)
    except TimeoutError:
        raise ConnectionAbortedError(f"nothing was read for {WRITE_TIMEOUT_S:g} s") from None
