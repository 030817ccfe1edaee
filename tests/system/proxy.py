"""A reverse proxy as nginx is by itself: another address for the browser, and its own idea of `Host` upstream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

PASSED = ("Origin", "Cookie", "Authorization")


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[str]:
    """Passes everything on to localhost:port; yields the origin that the browser sees."""
    upstream = f"http://localhost:{port}"
    jar = aiohttp.DummyCookieJar()  # cookies are the business of each browser
    async with aiohttp.ClientSession(upstream, auto_decompress=False, cookie_jar=jar) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            headers = {name: request.headers[name] for name in PASSED if name in request.headers}
            if "Upgrade" in request.headers:
                return await _join(session, request, headers)
            async with session.request(
                request.method, request.path_qs, headers=headers, allow_redirects=False
            ) as answer:
                kept = {name: value for name, value in answer.headers.items() if name != "Content-Length"}
                return web.Response(status=answer.status, headers=kept, body=await answer.read())

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


async def _join(session: aiohttp.ClientSession, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
    try:
        far = await session.ws_connect(request.path_qs, headers=headers)
    except aiohttp.WSServerHandshakeError as error:
        return web.Response(status=error.status)
    near = web.WebSocketResponse()
    await near.prepare(request)
    pumps = [asyncio.ensure_future(_pump(*pair)) for pair in ((near, far), (far, near))]
    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
    await far.close()
    await near.close()
    return near


async def _pump(
    one: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    other: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> None:
    async for message in one:
        if message.type is aiohttp.WSMsgType.BINARY:
            await other.send_bytes(message.data)
        elif message.type is aiohttp.WSMsgType.TEXT:
            await other.send_str(message.data)
