"""The sink of `--serve`, and the thread that answers requests."""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler

from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import brief, quoted
from fashion_edge.result import Result
from fashion_edge.web.auth import BACKLOG, TOKEN_VARIABLE, AccessPolicy, Address, Origin, add_headers, is_loopback
from fashion_edge.web.routes import Routes
from fashion_edge.web.state import LiveState

SHUTDOWN_TIMEOUT_S = 1.0  # for clients to disconnect when the run ends
JOIN_TIMEOUT_S = 5.0
IDLE_TIMEOUT_S = 15.0  # of a connection between two requests
MAX_CONNECTIONS = 64  # with idle ones: clients must not use up the file descriptors that the camera needs
LOGGER = logging.getLogger("fashion_edge.web")
LOGGER.disabled = True  # malformed requests from the network must not fill the terminal


def _limit(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    """A protocol factory that closes connections beyond `MAX_CONNECTIONS`; `BACKLOG` at once may exceed it."""
    server = runner.server
    assert server is not None
    return lambda: server() if len(server.connections) < MAX_CONNECTIONS else _Rejected()


class _Rejected(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@web.middleware
async def _report_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Print an unexpected error as one sentence; the client gets status 500 and no details."""
    try:
        return await handler(request)
    except (web.HTTPException, ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:
        say(f"--serve: {quoted(request.path)} failed with {type(error).__name__}: {brief(error)}")
        return web.Response(status=500)


class WebSink(LiveState):
    """Serves the state in a thread, from its construction until `close`; `url` is the address to open."""

    def __init__(
        self, address: Address, space: LabelSpace, source: str, detail: str = "", *, origins: Sequence[Origin] = ()
    ) -> None:
        super().__init__(space, source, detail)
        self.name = f"--serve {address}"
        self._policy = AccessPolicy(address, origins=origins)
        self._socket = address.listen()
        self._error: BaseException | None = None  # why the server ended before `close`
        self._loop = asyncio.new_event_loop()
        self._routes: Routes | None = None
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self.url = f"http://{address.reachable(self._socket)}/{self._policy.query}"
        self.port = int(self._socket.getsockname()[1])
        self._announce(address, origins)
        self._thread.start()
        self._started.wait()

    def put(self, result: Result) -> None:
        """Add a labelled frame; raises the error that ended the server, if any."""
        if self._error is not None:
            raise self._error
        super().put(result)

    def notify(self) -> None:
        """Wake the clients that wait."""
        if self._routes is not None:
            self._call(self._routes.notify)

    def close(self) -> None:
        """Disconnect the clients and free the port."""
        self._call(self._stop.set)
        self._thread.join(JOIN_TIMEOUT_S)

    def _announce(self, address: Address, origins: Sequence[Origin]) -> None:
        policy = self._policy
        links = " or ".join([self.url, *(f"{origin}/{policy.query}" for origin in origins)])
        secret = policy.token and not policy.generated
        say(f"live page: {links}" + (f" (the token is in {TOKEN_VARIABLE})" if secret else ""))
        bound = str(self._socket.getsockname()[0])
        if is_loopback(bound) and not is_loopback(address.host):  # 127.0.1.1 in Debian's /etc/hosts
            where = f"{address.host} is {bound} on this machine, which other machines cannot reach"
            say(f"{where}; use --serve 0.0.0.0:{self.port}")

    def _call(self, function: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: there are no clients
            self._loop.call_soon_threadsafe(function)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # raised in the frame loop with the next frame
            self._error = error
        finally:
            self._socket.close()
            self._loop.close()
            self._started.set()

    async def _serve(self) -> None:
        routes = Routes(self)
        app = web.Application(middlewares=[_report_errors, self._policy.middleware])
        app.on_response_prepare.append(add_headers)
        routes.add_to(app)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=LOGGER,
            handler_cancellation=True,  # a client that disconnects while nothing is sent frees its slot
            shutdown_timeout=SHUTDOWN_TIMEOUT_S,
            keepalive_timeout=IDLE_TIMEOUT_S,
        )
        await runner.setup()
        listener = await self._loop.create_server(_limit(runner), sock=self._socket, backlog=BACKLOG)
        monitoring = asyncio.ensure_future(routes.monitor.run())
        self._routes = routes
        self._started.set()
        try:
            await self._stop.wait()
        finally:
            monitoring.cancel()
            listener.close()
            routes.close()
            await runner.cleanup()
