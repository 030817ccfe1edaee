"""A reverse proxy as nginx is by default: another address for the browser, and its own `Host` upstream."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

FORWARDED = ("Origin", "Cookie", "Authorization")


@asynccontextmanager
async def proxy(port: int) -> AsyncIterator[str]:
    """Forward everything to localhost:port; yields the origin that the browser sees."""
    jar = aiohttp.DummyCookieJar()  # cookies belong to each browser
    async with aiohttp.ClientSession(f"http://localhost:{port}", auto_decompress=False, cookie_jar=jar) as session:

        async def handle(request: web.Request) -> web.StreamResponse:
            headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
            async with session.request(
                request.method, request.path_qs, headers=headers, allow_redirects=False
            ) as upstream:
                kept = {name: value for name, value in upstream.headers.items() if name != "Transfer-Encoding"}
                response = web.StreamResponse(status=upstream.status, headers=kept)
                await response.prepare(request)
                async for chunk in upstream.content.iter_any():
                    await response.write(chunk)
                return response

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
