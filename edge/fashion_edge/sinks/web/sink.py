"""The sink behind `--serve`."""

from collections.abc import Sequence

from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Event, Fault
from fashion_edge.result import Result
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.web.address import Address, is_loopback
from fashion_edge.sinks.web.board import Board
from fashion_edge.sinks.web.guard import VARIABLE, Guard
from fashion_edge.sinks.web.origin import Origin
from fashion_edge.sinks.web.server import Server


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
