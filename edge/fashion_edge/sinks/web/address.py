"""Where the page is served: `--serve HOST:PORT`, and the socket that listens there."""

import ipaddress
import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

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
