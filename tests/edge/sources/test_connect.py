import re
import socket
from base64 import b64encode
from contextlib import closing, contextmanager
from hashlib import md5, sha256

import pytest

from fashion_edge.errors import SourceError
from fashion_edge.sources import open_source
from fashion_edge.sources.connect import Address, Answer, Connection, explain_failure

PICTURES = b"HTTP/1.1 200 OK\r\nContent-Type: multipart/x-mixed-replace\r\n\r\n"
USER, PASSWORD = "admin", "p@ss: wörd"
SECRET = "admin:p%40ss:%20w%C3%B6rd"


def answer(status: str, *headers: str, protocol: str = "HTTP/1.1") -> bytes:
    return "\r\n".join([f"{protocol} {status}", *headers, "", ""]).encode()


def ask(url: str) -> Answer:
    with closing(Connection()) as connection:
        return connection.ask(url)


def is_proof(request: bytes, make, method: str) -> bool:
    """Whether a request proves the password by digest authentication."""
    fields = dict(re.findall(r'(\w+)="?([^",]*)"?', request.decode().strip().partition("Authorization: Digest ")[2]))
    if fields.get("username") != USER:
        return False
    secret = make(f"{USER}:{fields['realm']}:{PASSWORD}".encode()).hexdigest()
    asked = make(f"{method}:{fields['uri']}".encode()).hexdigest()
    middle = [fields[key] for key in ("nonce", "nc", "cnonce", "qop") if key in fields]
    return fields["response"] == make(":".join([secret, *middle, asked]).encode()).hexdigest()


BASIC = b"Authorization: Basic " + b64encode(f"{USER}:{PASSWORD}".encode())
CHALLENGES = {
    "basic": (['Basic realm="cam"'], lambda request: BASIC in request),
    "digest of 1999": (['Digest realm="cam", nonce="a1"'], lambda request: is_proof(request, md5, "GET")),
    "digest": (
        ['Digest realm="cam",nonce="a1",qop="auth,auth-int",opaque="x",stale=FALSE'],
        lambda request: is_proof(request, md5, "GET") and b'opaque="x"' in request,
    ),
    "digest SHA-256": (
        ['Digest realm="cam", nonce="a1", qop="auth", algorithm=SHA-256'],
        lambda request: is_proof(request, sha256, "GET"),
    ),
    "several": (
        ["Negotiate", 'Digest realm="cam", nonce="a1", algorithm=SHA-512-256', 'digest realm="cam", nonce="a1"'],
        lambda request: is_proof(request, md5, "GET"),
    ),
}


@pytest.mark.parametrize("challenge", CHALLENGES)
def test_user_and_password_of_the_address_are_used(camera, challenge):
    headers, accepts = CHALLENGES[challenge]
    refused = answer("401 Unauthorized", *(f"WWW-Authenticate: {header}" for header in headers))
    with camera(lambda request: [PICTURES if accepts(request) else refused]) as port:
        assert ask(f"http://{SECRET}@127.0.0.1:{port}/video?a=1").status == 200
        assert ask(f"http://admin:wrong@127.0.0.1:{port}/video?a=1").status == 401
        assert ask(f"http://127.0.0.1:{port}/video?a=1").status == 401


def test_redirects_are_followed_and_no_other_host_learns_the_password(camera):
    seen = []

    def elsewhere(request: bytes) -> list[bytes]:
        seen.append(request)
        return [answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')]

    with camera(elsewhere) as other:

        def redirect(request: bytes) -> list[bytes]:
            path = request.split()[1]
            if path == b"/":
                return [answer("302 Found", "Location: /live")]
            if path == b"/live" and BASIC in request:
                return [answer("307 Temporary Redirect", f"Location: http://localhost:{other}/other")]
            return [answer("401 Unauthorized", 'WWW-Authenticate: Basic realm="x"')]

        with camera(redirect) as port:
            assert ask(f"http://{SECRET}@127.0.0.1:{port}/").status == 401
    assert seen[0].startswith(b"GET /other HTTP/1.1\r\n")
    assert all(b"Authorization" not in request for request in seen)


def test_a_redirect_in_a_circle_ends(camera):
    said = r"is redirected to '/again\?and=\*\*\*'; give that address"
    with (
        camera(lambda _: [answer("302 Found", "Location: /again?and=again")]) as port,
        pytest.raises(SourceError, match=said),
    ):
        open_source(f"http://127.0.0.1:{port}/")


@contextmanager
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    yield port


REFUSED = {
    "401 Unauthorized": "asks for a user and a password (status 401); put USER:PASSWORD@ before the host",
    "403 Forbidden": "is forbidden (status 403); give a user who may see it, or allow it in the camera's settings",
    "404 Not Found": "does not exist on its server (status 404); look up the path of the stream in the camera's manual",
    "503 Busy": "is busy (status 503); many cameras serve one viewer at a time, so close the others",
    "500 \x1b[2J" + "x" * 500: "is refused by its server (status 500); check the address",
    "302 Found\r\nLocation: rtsp://a:b@cam/live": "is redirected to 'rtsp://***@cam/live'; give that address",
    "200 OK\r\nContent-Type: text/html": "is a web page, not a stream; look up the path of the stream in the camera's",
    "200 OK\r\nContent-Type: image/jpeg": "is a single picture ('image/jpeg'), not a stream; give the address of the c",
    "200 OK\r\nContent-Type: video/x": "answers with 'video/x', of which OpenCV here gives no picture; check the path",
}


@pytest.mark.parametrize("status", REFUSED)
def test_why_a_server_gives_no_stream(camera, status):
    with camera(lambda _: [answer(status)]) as port, pytest.raises(SourceError) as caught:
        open_source(f"http://127.0.0.1:{port}/live.jpg")
    assert str(caught.value).startswith(f"stream http://127.0.0.1:{port}/live.jpg {REFUSED[status]}")
    assert "plug" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "rtsp"])
def test_a_wrong_password_is_named_and_not_shown(camera, scheme):
    refused = [
        answer("401 Unauthorized", 'WWW-Authenticate: Digest realm="x", nonce="y"', "CSeq: 1", protocol=protocol)
        for protocol in ("HTTP/1.1", "RTSP/1.0")
    ]
    with camera(lambda request: [refused[b"RTSP" in request]]) as port, pytest.raises(SourceError) as caught:
        open_source(f"{scheme}://admin:secret@127.0.0.1:{port}/live")
    assert str(caught.value) == (
        f"stream {scheme}://***@127.0.0.1:{port}/live refuses this user or password (status 401); "
        "check both, and write @ : / in them as %40 %3A %2F"
    )


def test_why_an_rtsp_server_gives_no_stream(camera):
    with camera(lambda _: [answer("404 Stream Not Found", "CSeq: 1", protocol="RTSP/1.0")]) as port:
        assert explain_failure(f"rtsp://127.0.0.1:{port}/live").startswith("does not exist on its server (status 404)")
    with camera(lambda _: [answer("200 OK", "Content-Type: application/sdp", protocol="RTSP/1.0")]) as port:
        assert "of which OpenCV here gives no picture" in explain_failure(f"rtsp://127.0.0.1:{port}/live")


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "rtsps", "rtmp", "tcp"])
def test_a_port_where_nothing_listens_is_named(scheme):
    with closed_port() as port, pytest.raises(SourceError) as caught:
        open_source(f"{scheme}://127.0.0.1:{port}/live")
    assert "is refused: nothing listens on its port; check host and port" in str(caught.value)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (
            "http://no-such-host.invalid/",
            "names a host that is unknown; check the name",
        ),
        (
            "rtsp://no-such-host.invalid/",
            "names a host that is unknown; check the name",
        ),
        ("rtsp://admin:12/3@127.0.0.1/", "stream rtsp://***@127.0.0.1/ names a host that is unknown"),
        ("http://127.0.0.1:99999/", "is not a valid address; give one such as rtsp://"),
        (f"http://{'a' * 70}.example/", "is not a valid address"),
        ("http://[::1/", "is not a valid address; give one such as"),
    ],
)
def test_an_address_that_leads_nowhere_is_named(url, said):
    with pytest.raises(SourceError) as caught:
        open_source(url)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("scheme", "data", "said"),
    [
        ("https", answer("200 OK"), "cannot be encrypted ("),
        ("rtsps", b"", "cannot be encrypted ("),
        ("http", b"", "is closed by its host without an answer; check port and scheme"),
        ("http", b"SSH-2.0-OpenSSH_9.2\r\n", "gets an answer that is not HTTP; check port"),
        ("rtsp", b"SSH-2.0-OpenSSH_9.2\r\n", "gets an answer that is not RTSP; check port"),
        ("http", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, "gets an answer that is not HTTP; check port"),
    ],
)
def test_another_protocol_is_named(camera, scheme, data, said):
    with camera(lambda _: [data]) as port, pytest.raises(SourceError) as caught:
        open_source(f"{scheme}://127.0.0.1:{port}/")
    assert said in str(caught.value)


def test_an_address_of_version_6_and_characters_outside_of_ascii_are_sent_as_they_must_be():
    address = Address.parse("rtsp://[fe80::1]:8554/gärten live?x=ü")
    assert (address.authority, address.port) == ("[fe80::1]:8554", 8554)
    assert address.target == "rtsp://[fe80::1]:8554/g%C3%A4rten%20live?x=%C3%BC"
    assert address.host == "fe80::1"
    assert Address.parse("http://bücher.example:80").authority == "xn--bcher-kva.example:80"
