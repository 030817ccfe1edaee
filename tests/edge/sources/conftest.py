"""A network camera for tests: answers each connection with given bytes."""

import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import pytest


@contextmanager
def _serve(answer: Callable[[bytes], Iterable[bytes]]) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk(client: socket.socket) -> None:
            with client, suppress(OSError):
                for piece in answer(client.recv(65536)):
                    client.sendall(piece)

        def listen() -> None:
            with suppress(OSError):  # closed at the end of the test
                while True:
                    threading.Thread(target=talk, args=(server.accept()[0],), daemon=True).start()

        threading.Thread(target=listen, daemon=True).start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def camera() -> Callable[..., AbstractContextManager[int]]:
    """A server on a free port, which the block gets; `answer` makes the pieces to send of the head of a request."""
    return _serve
