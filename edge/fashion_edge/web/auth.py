"""Access to the live page: a token beyond loopback, the Host header on loopback, and no page of another site."""

import hmac
import ipaddress
import os
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import urlsplit

import psutil
from aiohttp import web
from aiohttp.typedefs import Handler

from fashion_edge.console import say
from fashion_edge.errors import UsageError

LOOPBACK = "127.0.0.1"
BACKLOG = 16
# Documentation addresses, RFC 5737 and RFC 3849: a route to them leaves this machine.
REMOTE: dict[int, str] = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
DEFAULT_PORTS = {"http": 80, "https": 443}
HOST = re.compile(r"[0-9a-z._-]{1,253}|[0-9a-f:.]{2,45}")  # anything else is neither printed nor compared
TOKEN_VARIABLE = "FASHION_EDGE_TOKEN"  # noqa: S105  # a name, not a secret
MIN_TOKEN_LENGTH = 16
MAX_REPORTED = 8  # rejected origins and hosts: untrusted clients must not fill the terminal
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "frame-ancestors 'self'; base-uri 'none'; form-action 'none'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Server": "fashion-edge",
}


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and no other."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class Address:
    """A host and a port; port 0 lets the system choose."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Read `8080`, `:8080`, `HOST:8080` or `[::1]:8080`; the default host is 127.0.0.1.

        Raises:
            UsageError: the port is missing or outside 0..65535.
        """
        host, _, port = text.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (port.isascii() and port.isdigit() and int(port) <= 65535) or (":" in host and not text.startswith("[")):
            raise UsageError(f"--serve {text!r} is not PORT or HOST:PORT with a port in 0..65535, such as 0.0.0.0:8080")
        return cls(host or LOOPBACK, int(port))

    def listen(self) -> socket.socket:
        """Open a listening socket.

        Raises:
            UsageError: the port is taken or not allowed, or the host is not of this machine.
        """
        try:
            family = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)[0][0]
            return socket.create_server((self.host, self.port), family=family, backlog=BACKLOG)
        except UnicodeError as error:  # an empty or overlong part, as in a..b
            raise UsageError(f"--serve {self} is not a valid host; give one such as 0.0.0.0:8080") from error
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise UsageError(f"--serve {self} cannot be opened ({reason}); name another host or port") from error

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def reachable(self, listening: socket.socket) -> str:
        """`HOST:PORT` to open in a browser on another machine."""
        bound, port = listening.getsockname()[:2]
        everywhere = ipaddress.ip_address(bound).is_unspecified  # 0.0.0.0, 0, ::, 0::0
        return str(Address(_own_address(listening.family) if everywhere else self.host, port))


def _own_address(family: int) -> str:
    """The address that other machines see; connecting a UDP socket sends nothing."""
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((REMOTE[family], 9))
            return str(probe.getsockname()[0])
        except OSError:  # no default route, but there may be a local network
            found = [at.address for ats in psutil.net_if_addrs().values() for at in ats if at.family == family]
            usable = (a for a in found if "%" not in a and not is_loopback(a))  # browsers accept no zone
            return next(usable, LOOPBACK if family == socket.AF_INET else "::1")


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
            UsageError: the scheme is not http or https, there is a path, or the host is not valid.
        """
        if origin := cls.from_header(text):
            return origin
        example = "give what the browser's address begins with, such as --serve-origin https://shop.example"
        raise UsageError(f"--serve-origin {text!r} is not scheme, host and port alone; {example}")

    @classmethod
    def from_header(cls, text: str) -> "Origin | None":
        """Read an untrusted `Origin` header; None if it is not valid."""
        try:
            parts = urlsplit(text)
            host, port = parts.hostname or "", parts.port
            host = str(IPv6Address(host)) if ":" in host else host.encode("idna").decode()
        except ValueError:
            return None
        extra = parts.path not in ("", "/") or bool(parts.query or parts.fragment) or "@" in parts.netloc
        if extra or parts.scheme not in DEFAULT_PORTS or not HOST.fullmatch(host):
            return None
        return cls(parts.scheme, host, None if port == DEFAULT_PORTS[parts.scheme] else port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + (f":{self.port}" if self.port is not None else "")


class AccessPolicy:
    """Allows a request, or answers it with a status and the reason.

    A page is allowed if its origin is the host that the request is for, or one of `origins`. X-Forwarded-* headers
    are ignored, since any client can send them.
    """

    def __init__(
        self, address: Address, environ: Mapping[str, str] = os.environ, origins: Sequence[Origin] = ()
    ) -> None:
        self._loopback = is_loopback(address.host)
        self._origins = frozenset(origins)
        self._hosts = {origin.host for origin in origins}
        self._reported: set[str] = set()
        private = self._loopback and all(map(is_loopback, self._hosts))
        chosen = environ.get(TOKEN_VARIABLE)
        if chosen is not None and len(chosen) < MIN_TOKEN_LENGTH:
            problem = f"has {len(chosen)} characters, {MIN_TOKEN_LENGTH} is the minimum"
            raise UsageError(f"{TOKEN_VARIABLE} {problem}; export {TOKEN_VARIABLE}=$(openssl rand -hex 16)")
        self.generated = not private and chosen is None
        self.token = chosen or (None if private else secrets.token_urlsafe(16))
        self.query = f"?token={self.token}" if self.generated else ""  # of the printed address

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """For `web.Application(middlewares=[...])`."""
        if (rejection := self._reject(request)) is not None:
            rejection.force_close()  # rejected clients must not keep connections open
            return rejection
        if self.token and request.path == "/" and "token" in request.query:
            # move the token from the address, where it is visible, into a cookie that scripts cannot read
            response = web.Response(status=303, headers={"Location": "./"})  # a proxy may have removed a path before it
            name, age = _cookie_name(request), 365 * 86400
            response.set_cookie(name, self.token, httponly=True, samesite="Lax", max_age=age, path="")  # that path
            return response
        return await handler(request)

    def _reject(self, request: web.Request) -> web.Response | None:
        host = request.headers.get("Host", "")
        name = _split_host(host)[0]
        if self._loopback and not is_loopback(name) and name not in self._hosts:
            # DNS rebinding: another site's name that resolves to this address
            return self._answer(421, "only names of this machine are served", Origin.from_header(f"https://{host}"))
        if self.token and not _has_token(request, self.token):
            return web.Response(status=401)
        origin = request.headers.get("Origin")
        if _is_embedded(request) if origin is None else not self._allows_origin(origin, host):
            return self._answer(403, "only pages of fashion-edge are served", Origin.from_header(origin or ""))
        return None

    def _allows_origin(self, header: str, host: str) -> bool:
        return header.partition("://")[2] == host != "" or Origin.from_header(header) in self._origins

    def _answer(self, status: int, rule: str, origin: Origin | None) -> web.Response:
        """A response with the reason, which is printed, too, but once; an invalid origin is not repeated."""
        if origin is None:
            return web.Response(status=status, text=f"{rule}; open the address that fashion-edge printed\n")
        message = f"{rule}, not {origin}; for a reverse proxy, start fashion-edge with --serve-origin {origin}"
        if message not in self._reported and len(self._reported) < MAX_REPORTED:
            self._reported.add(message)
            say(f"--serve: {message}")
        return web.Response(status=status, text=f"{message}\n")


def _has_token(request: web.Request, token: str) -> bool:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    query = request.query.get("token", "")
    base64 = query.replace(" ", "+")  # a + of base64 that was not percent-encoded arrives as a blank
    given = [query, base64, request.cookies.get(_cookie_name(request), ""), bearer]
    return any(hmac.compare_digest(text.encode(errors="replace"), token.encode()) for text in given)


def _is_embedded(request: web.Request) -> bool:
    """Whether a page of another site requests this without an Origin header, as for an image; not for a link."""
    other_site = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    return other_site and request.headers.get("Sec-Fetch-Dest") != "document"


def _cookie_name(request: web.Request) -> str:
    """Contains the port, since cookies are shared between the ports of a host."""
    return f"fashion_edge_{_split_host(request.headers.get('Host', ''))[1]}"


def _split_host(header: str) -> tuple[str, str]:
    """Host and port of a `Host` header; empty strings if absent or not valid."""
    try:
        parts = urlsplit(f"//{header}")
        return parts.hostname or "", str(parts.port or "")
    except ValueError:
        return "", ""


async def add_headers(_: web.Request, response: web.StreamResponse) -> None:
    """For `on_response_prepare`: the security headers of every response."""
    response.headers.update(HEADERS)
