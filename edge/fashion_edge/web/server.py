"""The sink behind `--serve`."""

import asyncio
import logging
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from aiohttp import web
from aiohttp.typedefs import Handler

from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.web.auth import BACKLOG, VARIABLE, Address, Guard, Origin, add_headers, is_loopback
from fashion_edge.web.routes import Clients, Routes
from fashion_edge.web.state import Board, Machine

FAREWELL_S = 1.0  # for clients to go when the run ends
JOIN_S = 5.0
KEEP_ALIVE_S = 15.0  # for a connection that has had its answer
MOST_CONNECTIONS = 64  # idle ones too: a stranger must not take the files that the camera needs


class Server:
    """Serves a board on a listening socket from `start` to `stop`."""

    def __init__(self, listening: socket.socket, board: Board, guard: Guard) -> None:
        self.error: BaseException | None = None  # why it ended before it was asked to
        self._socket = listening
        self._board = board
        self._guard = guard
        self._loop = asyncio.new_event_loop()
        self._clients: Clients | None = None
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    def start(self) -> None:
        """Returns once requests are answered."""
        self._thread.start()
        self._started.wait()

    def stop(self) -> None:
        """Say goodbye to the clients and end the thread."""
        self._post(self._stop.set)
        self._thread.join(JOIN_S)

    def wake(self) -> None:
        """Something is new on the board; called from any thread."""
        if self._clients is not None:
            self._post(self._clients.pulse.fire)

    def _post(self, call: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody is left to tell
            self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:  # handed to the frame loop with its next frame
            self.error = error
        finally:
            self._socket.close()
            self._loop.close()
            self._started.set()

    async def _serve(self) -> None:
        clients, machine = Clients(self._board), Machine()
        app = web.Application(middlewares=[_one_sentence, self._guard.middleware()])
        app.on_response_prepare.append(add_headers)
        Routes(clients, machine).add_to(app)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=_silent(),
            handler_cancellation=True,  # who goes while nothing is sent, as while the camera is lost, frees a seat
            shutdown_timeout=FAREWELL_S,
            keepalive_timeout=KEEP_ALIVE_S,
        )
        await runner.setup()
        listener = await self._loop.create_server(_bounded(runner), sock=self._socket, backlog=BACKLOG)
        watch = asyncio.ensure_future(machine.watch())
        self._clients = clients
        self._started.set()
        try:
            await self._stop.wait()
        finally:
            watch.cancel()
            listener.close()
            clients.close()
            await runner.cleanup()


def _bounded(runner: web.AppRunner) -> Callable[[], asyncio.Protocol]:
    """Makes the handler of each connection, up to the limit; beyond it a connection is closed at once.

    Connections that come in one burst, `BACKLOG` at most, may exceed it.
    """
    server = runner.server
    assert server is not None
    return lambda: server() if len(server.connections) < MOST_CONNECTIONS else _Refusal()


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


@web.middleware
async def _one_sentence(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A fault of ours is said in one sentence; the client learns no more than that there was one."""
    try:
        return await handler(request)
    except (web.HTTPException, ConnectionError, asyncio.CancelledError):
        raise
    except Exception as error:
        say(f"--serve: {request.path} failed with {type(error).__name__}: {error}")
        return web.Response(status=500)


def _silent() -> logging.Logger:
    """Strangers who send nonsense to the port must not fill the terminal."""
    logger = logging.getLogger("fashion_edge.web")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


class WebSink(Sink):
    """Serves from its construction until it is closed; `url` is what to open."""

    wants_clean = True

    def __init__(
        self, address: Address, space: LabelSpace, source: str, detail: str = "", *, origins: Sequence[Origin] = ()
    ) -> None:
        self.name = f"--serve {address}"
        guard = Guard(address, origins=origins)
        listening = address.listen()
        self._clean: Result | None = None
        self._board = Board(space, source, detail)
        self._server = Server(listening, self._board, guard)
        self._board.wake = self._server.wake
        self.url = f"http://{address.reachable(listening)}/{guard.query}"
        self.port = int(listening.getsockname()[1])
        self._server.start()
        links = " or ".join([self.url, *(f"{origin}/{guard.query}" for origin in origins)])
        say(f"live page: {links}" + (f" (the token is in {VARIABLE})" if guard.token and not guard.generated else ""))
        bound = str(listening.getsockname()[0])
        if is_loopback(bound) and not address.loopback:  # as Debian's /etc/hosts has it for a machine's own name
            say(
                f"{address.host} is {bound} here, which no other machine reaches; "
                f"--serve 0.0.0.0:{self.port} serves others, too"
            )

    def put_clean(self, result: Result) -> None:
        """Keep a copy of the picture, if a client waits for one."""
        self._clean = result
        self._board.show(result)

    def put(self, result: Result) -> None:
        """Take note of what was said, and of the time it took."""
        if self._server.error is not None:
            raise self._server.error
        clean, self._clean = self._clean, None
        self._board.count(clean or result)  # a small picture was enlarged for the words on it: its size is not this one

    def fault(self, fault: Fault) -> None:
        """Take note of an input that could not be read."""
        self._board.fault(fault)

    def event(self, event: Event) -> None:
        """Take note of a change of state."""
        self._board.event(event)

    def close(self) -> None:
        """Say goodbye and free the port."""
        self._server.stop()
