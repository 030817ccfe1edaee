"""The page's WebSocket: a picture whenever the client has drawn the last one, its state, and what changed."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiohttp import WSMsgType, web

from fashion_edge.sinks.web.clients import INTERVAL_S, Clients

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
