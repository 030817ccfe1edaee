"""Who may look: a token beyond this machine, the Host header on it, and no page of another site anywhere."""

import hmac
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

import psutil
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fashion_edge.console import say
from fashion_edge.errors import UsageError

LOOPBACK = "127.0.0.1"
BACKLOG = 16
ELSEWHERE: dict[int, str] = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}  # RFC 5737, RFC 3849
LOOPBACKS: dict[int, str] = {socket.AF_INET: LOOPBACK, socket.AF_INET6: "::1"}


@dataclass(frozen=True)
class Address:
    """A host and a port; port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `8080`, `:8080`, `HOST:8080` or `[::1]:8080`; without a host only this machine is served.

        Raises:
            UsageError: no port, or one outside 0..65535.
        """
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535) or (":" in host and not text.startswith("[")):
            raise UsageError(f"--serve {text!r} is not PORT or HOST:PORT with a port in 0..65535, such as 0.0.0.0:8080")
        return cls(host or LOOPBACK, int(port))

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_loopback(self.host)

    def listen(self) -> socket.socket:
        """A socket that listens here.

        Raises:
            UsageError: the port is taken or not allowed, or the host is not of this machine.
        """
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        except UnicodeError as error:  # of an empty or overlong part, as in a..b
            raise UsageError(f"--serve {self} names no host; give one such as 0.0.0.0:8080") from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise UsageError(f"--serve {self} cannot be opened ({reason}); name another host or port") from error

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def reachable(self, listening: socket.socket) -> str:
        """`HOST:PORT` of what listens here, as a browser elsewhere would write it."""
        bound, port = listening.getsockname()[:2]
        everywhere = ipaddress.ip_address(bound).is_unspecified  # however it was written: 0.0.0.0, 0, ::, 0::0
        return str(Address(_own_address(listening.family) if everywhere else self.host, port))


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and no other."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _own_address(family: int) -> str:
    """The address that other machines see, of the family that listens; choosing a route sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ELSEWHERE[family], 9))
            return str(probe.getsockname()[0])
        except OSError:  # no route leads out, yet there may be neighbours
            return next(_addresses(family), LOOPBACKS[family])


def _addresses(family: int) -> Iterator[str]:
    """Of the interfaces; without those that only a program reaches, which can say on which interface."""
    for interface in psutil.net_if_addrs().values():
        for entry in interface:
            if entry.family == family and "%" not in entry.address and not is_loopback(entry.address):
                yield entry.address


DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[0-9a-z._-]{1,253}|[0-9a-f:.]{2,45}")  # nothing else is ever shown, nor a `*` taken for a name


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port of a page, as browsers compare them: lower case, punycode, no default port."""

    scheme: str
    host: str
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> "Origin":
        """Read `https://shop.example` or `http://shop.example:8443`.

        Raises:
            UsageError: no scheme, another than http and https, a path, or no plain host.
        """
        origin = cls.read(text)
        if origin is None:
            raise UsageError(
                f"--serve-origin {text!r} is not scheme, host and port alone; "
                "give what the browser's address begins with, such as --serve-origin https://shop.example"
            )
        return origin

    @classmethod
    def read(cls, text: str) -> "Origin | None":
        """The same, of a stranger's `Origin` header; None where it is none."""
        try:
            parts = urlsplit(text)
            host, port = _plain_host(parts.hostname or ""), parts.port
        except ValueError:
            return None
        if parts.scheme not in DEFAULT_PORTS or not HOST.fullmatch(host) or _says_more(parts):
            return None
        return cls(parts.scheme, host, None if port == DEFAULT_PORTS[parts.scheme] else port)

    @property
    def loopback(self) -> bool:
        """Whether such a page can be opened on this machine alone."""
        return is_loopback(self.host)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")


def _plain_host(host: str) -> str:
    return str(IPv6Address(host)) if ":" in host else host.encode("idna").decode()


def _says_more(parts: SplitResult) -> bool:
    return parts.path not in ("", "/") or bool(parts.query or parts.fragment) or "@" in parts.netloc


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


VARIABLE = "FASHION_EDGE_TOKEN"
SHORTEST = 16  # characters of a token that was chosen by a person

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Server": "fashion-edge",
}


class Guard:
    """Lets a request through, or answers with a status and no more than why.

    A page may look if it was opened at the very host that the request is for, or at an origin that was named. What a
    proxy claims in X-Forwarded-* is not believed: whoever reaches the port could claim it, too.
    """

    def __init__(
        self, address: Address, environ: Mapping[str, str] = os.environ, *, origins: Sequence[Origin] = ()
    ) -> None:
        self._local = address.loopback
        self._origins = frozenset(origins)
        self._hosts = {origin.host for origin in origins}
        self._refusals = Refusals()
        private = address.loopback and all(origin.loopback for origin in origins)
        chosen = environ.get(VARIABLE)
        if chosen is not None and len(chosen) < SHORTEST:
            raise UsageError(
                f"{VARIABLE} has {len(chosen)} characters, {SHORTEST} is the least; "
                f"export {VARIABLE}=$(openssl rand -hex 16)"
            )
        self.generated = not private and chosen is None
        self.token = chosen or (None if private else secrets.token_urlsafe(16))

    @property
    def query(self) -> str:
        """What to append to the address that is shown: the token only where it was made for this run."""
        return f"?token={self.token}" if self.generated else ""

    def middleware(self) -> Middleware:
        """For `web.Application(middlewares=[...])`."""

        @web.middleware
        async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
            refused = self._refuse(request)
            if refused is not None:
                refused.force_close()  # a stranger who asks again and again keeps no connection for that
                return refused
            if self.token and request.path == "/" and "token" in request.query:
                return self._enter(request)
            return await handler(request)

        return check

    def _refuse(self, request: web.Request) -> web.Response | None:
        """A refusal, or None."""
        asked = request.headers.get("Host", "")
        host = _split(asked)[0]
        if self._local and not is_loopback(host) and host not in self._hosts:
            return self._refusals.other_host(asked)  # a name that was bent to this address (DNS rebinding)
        if self.token and not self._knows(request):
            return web.Response(status=401)
        origin = request.headers.get("Origin")
        if origin is not None and not self._may_look(origin, asked):
            return self._refusals.other_page(origin)  # a WebSocket has no other protection
        if origin is None and _is_embedded(request):
            return self._refusals.other_page("")
        return None

    def _may_look(self, header: str, asked: str) -> bool:
        """Whether a page of this origin may see what is asked of this host."""
        shown = header.partition("://")[2]
        return (shown != "" and shown == asked) or Origin.read(header) in self._origins

    def _knows(self, request: web.Request) -> bool:
        assert self.token
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        asked = request.query.get("token", "")
        plus = asked.replace(" ", "+")  # what a base64 token becomes where nobody writes its + as %2B
        offered = [asked, plus, request.cookies.get(self._cookie(request)), bearer]
        right = self.token.encode()
        return any(hmac.compare_digest(word.encode(errors="replace"), right) for word in offered if word)

    def _enter(self, request: web.Request) -> web.Response:
        """The token moves from the address, where it would be seen, into a cookie that no script reads."""
        assert self.token
        answer = web.Response(status=303, headers={"Location": "/"})
        answer.set_cookie(self._cookie(request), self.token, httponly=True, samesite="Lax", max_age=365 * 86400)
        return answer

    @staticmethod
    def _cookie(request: web.Request) -> str:
        """Cookies are shared between the ports of a host, so the port is in the name."""
        return f"fashion_edge_{_split(request.headers.get('Host', ''))[1]}"


def _is_embedded(request: web.Request) -> bool:
    """Whether a page of elsewhere asks without an origin, as its images do; a link that a person follows is none."""
    elsewhere = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return elsewhere and request.headers.get("Sec-Fetch-Dest") != "document"


def _split(header: str) -> tuple[str, str]:
    """Host and port, empty where there is none, of a `Host` header."""
    try:
        parts = urlsplit(f"//{header}")
        return parts.hostname or "", str(parts.port or "")
    except ValueError:
        return "", ""


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: what every answer carries."""
    for name, value in HEADERS.items():
        response.headers[name] = value
