"""What is answered to a page or a name that may not look: why, and how the owner of a reverse proxy mends it."""

from aiohttp import web

from fashion_edge.console import say
from fashion_edge.sinks.web.origin import Origin

MOST_SAID = 8  # different names; strangers must not fill the terminal


class Refusals:
    """Says why to each client, and to the terminal once for each name."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def other_page(self, header: str) -> web.Response:
        """403: a page of another site."""
        origin = Origin.read(header)
        if origin is None:  # a sandboxed frame, a file, or nonsense, which is not repeated
            return _answer(403, "only pages that fashion-edge serves may look; open the address that it printed")
        return self._answer(
            403,
            f"a page of {origin} may not look, only those that fashion-edge serves; "
            f"if that is your reverse proxy, start fashion-edge with --serve-origin {origin}",
        )

    def other_host(self, host: str) -> web.Response:
        """421: a name that is not of this machine, and may have been bent to it."""
        origin = Origin.read(f"https://{host}")
        if origin is None:
            return _answer(421, "the request names no host of this machine; open the address that fashion-edge printed")
        return self._answer(
            421,
            f"{origin.host} is no name of this machine, and only to those is answered here; "
            f"if it is that of your reverse proxy, start fashion-edge with --serve-origin {origin}",
        )

    def _answer(self, status: int, sentence: str) -> web.Response:
        if sentence not in self._said and len(self._said) < MOST_SAID:
            self._said.add(sentence)
            say(f"--serve: {sentence}")
        return _answer(status, sentence)


def _answer(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n")
