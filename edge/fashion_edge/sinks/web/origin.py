"""`--serve-origin`: where else the page is opened, which is the address of a reverse proxy."""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import SplitResult, urlsplit

from fashion_edge.errors import UsageError
from fashion_edge.sinks.web.address import is_loopback

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
