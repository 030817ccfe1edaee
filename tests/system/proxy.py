"""A reverse proxy as nginx is by default: another address for the browser, and its own `Host` upstream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

FORWARDED = ("Origin", "Cookie", "Authorization")


@asynccontextmanager
async def proxy(port: int, prefix: str = "") -> AsyncIterator[str]:
    """Forward what is below a prefix, without it, to localhost:port; yields the origin that the browser sees.

    At `/panel` is a page that shows the prefix in a frame, as Home Assistant does.
    """
    jar = aiohttp.DummyCookieJar()  # cookies belong to each browser
    async with aiohttp.ClientSession(f"http://localhost:{port}", auto_decompress=False, cookie_jar=jar) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
            async with session.request(
                request.method, request.path_qs.removeprefix(prefix), headers=headers, allow_redirects=False
            ) as upstream:
                kept = {name: value for name, value in upstream.headers.items() if name != "Transfer-Encoding"}
                response = web.StreamResponse(status=upstream.status, headers=kept)
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()

        async def panel(request: web.Request) -> web.Response:
            frame = f"<link rel=icon href='data:,'><iframe src='{prefix}/?{request.query_string}'>"
            return web.Response(text=frame, content_type="text/html")

        app.router.add_get("/panel", panel)
        app.router.add_route("*", prefix + "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
