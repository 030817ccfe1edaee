"""Requests to network cameras by HTTP and RTSP, and why an address gives no stream.

The two protocols share the form of requests, redirects and authentication, so one client serves both.
"""

import hashlib
import re
import secrets
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from email.message import Message
from http.client import HTTPException, parse_headers
from io import BufferedReader
from string import punctuation
from urllib.parse import quote, unquote, urljoin, urlsplit

from fashion_edge.errors import quoted
from fashion_edge.redact import redact

OPEN_TIMEOUT_S = 5.0  # with redirects and authentication
READ_TIMEOUT_S = 4.0
PORTS = {"http": 80, "https": 443, "rtsp": 554, "rtsps": 322, "rtmp": 1935}
MAX_LINE_BYTES = CHUNK_BYTES = 64 << 10
BACKLOG_BYTES = 256 << 10  # that wait in the system: without a limit it keeps seconds of video
MAX_REQUESTS = 8
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}  # of digest authentication, RFC 7616
STATUS = re.compile(rb"(?:HTTP|RTSP)/[\d.]+ +(\d{3})")
FIELD = re.compile(r'(\w+) *= *(?:"([^"]*)"|([^", ]*))')  # of a challenge


@dataclass(frozen=True)
class Address:
    """The parts of a URL that a request needs."""

    scheme: str
    host: str
    port: int
    authority: str  # host and port as given
    method: str
    target: str
    user: str
    password: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Split a URL; raises `ValueError` if its host or port is not valid."""
        parts = urlsplit(url)
        scheme, authority = parts.scheme.lower(), parts.netloc.rpartition("@")[2].encode("idna").decode()
        path = quote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""), safe=punctuation)
        http = scheme.startswith("http")
        method, target = ("GET", path) if http else ("DESCRIBE", f"{scheme}://{authority}{path}")
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        port = parts.port or PORTS.get(scheme, 0)
        return cls(scheme, parts.hostname or "", port, authority, method, target, user, password)

    def connect(self) -> socket.socket:
        """Open a connection, encrypted where the scheme says so."""
        plain = socket.create_connection((self.host, self.port), OPEN_TIMEOUT_S)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BACKLOG_BYTES)
        if self.scheme not in ("https", "rtsps"):
            return plain
        context = ssl.create_default_context()
        context.check_hostname = False  # cameras sign their own certificates, which FFmpeg does not verify either
        context.verify_mode = ssl.CERT_NONE
        return context.wrap_socket(plain, server_hostname=self.host)


@dataclass(frozen=True)
class Answer:
    """Status, headers and body of an answer."""

    status: int
    headers: Message
    file: BufferedReader

    def body(self) -> Iterator[bytes]:
        """Pieces of the body as they arrive."""
        chunked, line = "chunked" in self.headers.get("Transfer-Encoding", "").lower(), b""
        while chunked:
            line = self.file.readline(MAX_LINE_BYTES)
            try:
                left = int(line.partition(b";")[0], 16)
            except ValueError:  # it is not chunked, whatever it declares
                break
            if left <= 0:
                return
            while left > 0 and (data := self.file.read1(min(left, CHUNK_BYTES))):
                left -= len(data)
                yield data
            self.file.readline(MAX_LINE_BYTES)
        if line:
            yield line
        while data := self.file.read1(CHUNK_BYTES):
            yield data


class Connection:
    """A connection to a camera; `close`, from any thread, ends a read that waits."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._file: BufferedReader | None = None
        self._closed = False

    def ask(self, url: str) -> Answer:
        """Send GET or DESCRIBE; follow redirects, and authenticate as the URL says.

        Raises:
            OSError: no connection, or no answer within `OPEN_TIMEOUT_S`.
            ValueError: the URL is not valid, or the answer is not of this protocol.
        """
        timer = threading.Timer(OPEN_TIMEOUT_S, self.close)  # a server may send its headers byte by byte
        timer.daemon = True
        timer.start()
        try:
            return self._ask(url)
        except (OSError, ValueError) as error:
            late = self._closed
            self.close()
            raise TimeoutError if late else error from error
        finally:
            timer.cancel()

    def close(self) -> None:
        """Hang up."""
        self._closed = True
        self._hang_up()

    def _hang_up(self) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
            self._socket.close()
        if self._file is not None:
            self._file.close()

    def _ask(self, url: str) -> Answer:
        address, authorization = Address.parse(url), ""
        for _ in range(MAX_REQUESTS):
            answer = self._request(address, authorization)
            there = urljoin(url, answer.headers.get("Location", "")) if 300 <= answer.status < 400 else url
            if there != url and urlsplit(there).scheme.rstrip("s") == address.scheme.rstrip("s"):
                former, address, url, authorization = address, Address.parse(there), there, ""
                weaker = former.scheme != address.scheme and former.scheme.endswith("s")  # not encrypted any more
                if address.host == former.host and not weaker and not address.user:  # no other may learn the password
                    address = replace(address, user=former.user, password=former.password)
            else:
                challenges = answer.headers.get_all("WWW-Authenticate", []) if answer.status == 401 else []
                authorization = "" if authorization else authorize(challenges, address)
                if not authorization:
                    break
            self._hang_up()  # some cameras serve one connection at a time
        return answer

    def _request(self, address: Address, authorization: str) -> Answer:
        self._socket = address.connect()
        if self._closed:
            raise TimeoutError
        self._socket.settimeout(READ_TIMEOUT_S)
        head = f"{address.method} {address.target} {'HTTP/1.1' if address.method == 'GET' else 'RTSP/1.0'}\r\n"
        head += f"Host: {address.authority}\r\nCSeq: 1\r\nUser-Agent: fashion-edge\r\nConnection: close\r\n"
        head += f"Authorization: {authorization}\r\n" if authorization else ""
        self._socket.sendall(f"{head}\r\n".encode())
        self._file = file = self._socket.makefile("rb")
        line = file.readline(MAX_LINE_BYTES)
        if not line:
            raise ConnectionResetError
        if (status := STATUS.match(line)) is None:
            raise ValueError("no status")
        try:
            return Answer(int(status[1]), parse_headers(file), file)
        except HTTPException as error:  # a line that is too long, or too many of them
            raise ValueError("too long") from error


def authorize(challenges: list[str], address: Address) -> str:
    """Return the Authorization header for the first challenge that is known; empty if none is."""
    for challenge in challenges if address.user else ():
        scheme, _, rest = challenge.strip().partition(" ")
        fields = {key.lower(): text or word for key, text, word in FIELD.findall(rest)}
        if scheme.lower() == "basic":
            return f"Basic {b64encode(f'{address.user}:{address.password}'.encode()).decode()}"
        if scheme.lower() == "digest" and fields.get("algorithm", "MD5").upper() in HASHES:
            return _digest(fields, address)
    return ""


def _digest(fields: dict[str, str], address: Address) -> str:
    """The header of digest authentication, RFC 7616, and of its first version, which knows no `qop`."""
    algorithm, realm, nonce = fields.get("algorithm", "MD5"), fields.get("realm", ""), fields.get("nonce", "")

    def join(*words: str) -> str:
        return HASHES[algorithm.upper()](":".join(words).encode()).hexdigest()

    own, middle, more = secrets.token_hex(8), [nonce], [f"algorithm={algorithm}"]
    if "auth" in re.split(r"[ ,]+", fields.get("qop", "")):
        middle += ["00000001", own, "auth"]
        more += ["nc=00000001", f'cnonce="{own}"', "qop=auth"]
    if opaque := fields.get("opaque"):
        more.append(f'opaque="{opaque}"')
    user, target = address.user, address.target
    proof = join(join(user, realm, address.password), *middle, join(address.method, target))
    head = f'Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{target}", response="{proof}"'
    return ", ".join([head, *more])


REFUSALS = {
    403: "is forbidden (status 403); give a user who may see it, or allow it in the camera's settings",
    404: "does not exist on its server (status 404); look up the path of the stream in the camera's manual",
    503: "is busy (status 503); many cameras serve one viewer at a time, so close the others",
}


def explain_answer(answer: Answer, url: str) -> str | None:
    """Why an answer cannot be a stream; None if it may be one."""
    status, kind = answer.status, answer.headers.get_content_type()
    if status == 401:
        if urlsplit(url).username:
            return "refuses this user or password (status 401); check both, and write @ : / in them as %40 %3A %2F"
        return "asks for a user and a password (status 401); put USER:PASSWORD@ before the host"
    if 300 <= status < 400:
        return f"is redirected to {quoted(redact(answer.headers.get('Location', '')))}; give that address"
    if status >= 400:
        return REFUSALS.get(status, f"is refused by its server (status {status}); check the address")
    if "Content-Type" in answer.headers and kind == "text/html":
        return "is a web page, not a stream; look up the path of the stream in the camera's manual"
    if kind.startswith("image/"):
        return f"is a single picture ({quoted(kind)}), not a stream; give the address of the camera's video"
    return None


def explain_error(error: Exception, url: str) -> str:
    """Why there is no connection; names neither host nor port, which may be parts of a password with a raw / or @."""
    try:
        scheme = Address.parse(url).scheme
    except ValueError:
        return "is not a valid address; give one such as rtsp://192.168.1.20:554/live"
    if isinstance(error, socket.gaierror):
        return "names a host that is unknown; check the name, or give its IP address"
    if isinstance(error, ConnectionRefusedError):
        return "is refused: nothing listens on its port; check host and port, and start the stream there"
    if isinstance(error, TimeoutError):
        return f"gets no answer from its host within {OPEN_TIMEOUT_S:g} s; check the address and the network"
    if isinstance(error, ssl.SSLError):
        return f"cannot be encrypted ({error.reason or 'TLS error'}); try {scheme[:-1]}:// and its port"
    if isinstance(error, ConnectionError):
        return "is closed by its host without an answer; check port and scheme"
    if isinstance(error, OSError):
        return f"cannot be reached ({error.strerror}); check the address and the network"
    return f"gets an answer that is not {scheme.upper()}; check port and scheme"


def explain_failure(url: str) -> str:
    """Why FFmpeg gives no picture of an address, which it does not report."""
    connection = Connection()
    try:
        if url.lower().startswith(("http", "rtsp")):
            answer = connection.ask(url)
            kind = quoted(answer.headers.get_content_type())
            unread = f"answers with {kind}, of which OpenCV here gives no picture; check the path, or use H.264"
            return explain_answer(answer, url) or unread
        if not url.lower().startswith("udp"):
            Address.parse(url).connect().close()
    except (OSError, ValueError) as error:
        return explain_error(error, url)
    finally:
        connection.close()
    return f"gives no picture within {OPEN_TIMEOUT_S:g} s; check that its sender runs"
