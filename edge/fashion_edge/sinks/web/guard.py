"""Who may look: a token beyond this machine, the Host header on it, and no page of another site anywhere."""

import hmac
import os
import secrets
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from fashion_edge.errors import UsageError
from fashion_edge.sinks.web.address import Address, is_loopback
from fashion_edge.sinks.web.origin import Origin
from fashion_edge.sinks.web.refusals import Refusals

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
