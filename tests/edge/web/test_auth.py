import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.web import AccessPolicy, Address, Origin, WebSink, auth

PATHS = (
    "/", "/page.js", "/api/state", "/api/events", "/api/picture", "/still.jpg", "/stream.mjpg", "/metrics", "/none",
)  # fmt: skip
SHOP = "https://shop.example"


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="NO IPv6 on this machine")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("8080", "127.0.0.1", 8080), (":8080", "127.0.0.1", 8080), ("localhost:80", "localhost", 80),
        ("0.0.0.0:8080", "0.0.0.0", 8080), ("[::1]:8080", "::1", 8080), ("[::]:0", "::", 0),
        ("camera.local:8080", "camera.local", 8080),
    ],
)  # fmt: skip
def test_address_without_a_host_is_loopback(text, host, port):
    assert Address.parse(text) == Address(host, port)


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:65536", "host:-1", "host:8o8o", "::1:80", "1:2:3", "host:٣"]
)
def test_invalid_address_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"is not PORT or HOST:PORT .* such as 0\.0\.0\.0:8080"):
        Address.parse(text)


def test_port_in_use_and_host_of_another_machine_are_usage_errors():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--serve 127.0.0.1:{port} cannot be opened .Address already in use."):
            Address("127.0.0.1", port).listen()
    with pytest.raises(UsageError, match=r"--serve 192.0.2.1:8080 cannot be opened .*name another host"):
        Address("192.0.2.1", 8080).listen()


@pytest.mark.parametrize("network", ["default route", "local network", "none"])
@pytest.mark.parametrize(
    "host", ["0.0.0.0", "0", pytest.param("[::]", marks=NEEDS_IPV6), pytest.param("[0::0]", marks=NEEDS_IPV6)]
)
def test_printed_address_of_all_interfaces_can_be_opened(host, network, monkeypatch):
    if network != "default route":
        monkeypatch.setattr(auth, "REMOTE", {socket.AF_INET: "0.0.0.0.0", socket.AF_INET6: "::::"})
    if network == "none":
        monkeypatch.setattr("psutil.net_if_addrs", dict)
    address = Address.parse(f"{host}:0")
    with address.listen() as listening:
        link = urlsplit(f"http://{address.reachable(listening)}/")
        assert link.hostname
        assert not ip_address(link.hostname).is_unspecified
        with socket.create_connection((link.hostname, link.port), timeout=10):
            listening.accept()[0].close()
        assert network != "none" or ip_address(link.hostname).is_loopback


@pytest.mark.parametrize("host", ["localhost", pytest.param("[::1]", marks=NEEDS_IPV6)])
def test_printed_address_keeps_a_given_host(host):
    address = Address.parse(f"{host}:0")
    with address.listen() as listening:
        assert address.reachable(listening) == f"{host}:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443/", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("http://shop.example:443", "http://shop.example:443"),
        ("http://[2001:DB8:0::1]:8080", "http://[2001:db8::1]:8080"),
        ("https://bücher.example", "https://xn--bcher-kva.example"),
        ("http://my_pi.local", "http://my_pi.local"),
    ],
)
def test_origin_is_normalized_as_browsers_do(text, expected):
    assert str(Origin.parse(text)) == expected
    assert Origin.parse(expected) == Origin.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "shop.example", "shop.example:443", "https://", "https://*", "https://*.example", "ftp://shop.example",
        "https://shop.example/camera", "https://shop.example?x", "https://me@shop.example", "https://shop.example:many",
        "https://[::1", "https://a..b", "https://a b", "null", "https://\x1b[31m", "https://[fe80::1%\x1b[31m]",
    ],
)  # fmt: skip
def test_invalid_origin_is_refused_with_an_example(text):
    with pytest.raises(UsageError, match=r"--serve-origin .* such as --serve-origin https://shop\.example"):
        Origin.parse(text)


def test_serve_origin_on_the_command_line_needs_serve(run_demo):
    origins = ("--serve-origin", "http://a.example", "--serve-origin", "http://b.example")
    assert "--serve-origin does nothing without --serve" in run_demo(1, "--serve-origin", SHOP).err
    assert " or http://a.example/?token=" in run_demo(1, "--serve", "0", *origins).err


def token_of(sink: WebSink) -> str:
    return sink.url.partition("?token=")[2]


def test_loopback_needs_no_token(serve, request_to):
    for sink in (serve(), serve("0", "http://localhost:3000")):
        assert "token" not in sink.url
        assert request_to(sink, "/").status == 200


def test_link_of_the_proxy_is_printed_with_its_token(serve, capsys):
    sink = serve("0", SHOP)
    assert f"live page: {sink.url} or {SHOP}/?token={token_of(sink)}\n" in capsys.readouterr().err


@pytest.mark.parametrize("path", PATHS)
def test_missing_or_wrong_token_gets_status_401_and_nothing_else(serve, request_to, path):
    sink = serve("0.0.0.0:0")
    almost = token_of(sink)[:-1]
    for query in ("", "?token=", "?token=wrong", f"?token={almost}", "?token=%ff%fe"):
        response = request_to(sink, path + query)
        assert (response.status, response.body) == (401, b"")
        assert response.headers["Connection"] == "close", "rejected clients must not use up the connections"
    for headers in ({"Authorization": "Bearer wrong"}, {"Cookie": f"fashion_edge_{sink.port}={almost}"}):
        response = request_to(sink, path, headers)
        assert (response.status, response.body) == (401, b"")


def test_token_is_accepted_as_query_header_and_cookie(serve, request_to):
    sink = serve("0.0.0.0:0")
    token = token_of(sink)
    assert len(token) >= 20
    assert token != token_of(serve("0.0.0.0:0")), "each run has its own"
    assert request_to(sink, f"/api/state?token={token}").status == 200
    assert request_to(sink, "/api/state", {"Authorization": f"Bearer {token}"}).status == 200
    login = request_to(sink, f"/?token={token}")
    assert (login.status, login.headers["Location"], login.body) == (303, "./", b"")
    cookie = login.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path" not in cookie, "the path of the page, which a proxy may have removed"
    assert request_to(sink, "/", {"Cookie": cookie.partition(";")[0]}).status == 200


@pytest.mark.parametrize("host", ["[2001:db8::1]", "shop.example", "192.0.2.7"])
def test_cookie_works_for_a_host_without_a_port(serve, request_to, host):
    sink = serve("0.0.0.0:0")
    login = request_to(sink, f"/?token={token_of(sink)}", {"Host": host})
    assert login.status == 303
    cookie = login.headers["Set-Cookie"].partition(";")[0]
    assert request_to(sink, "/", {"Host": host, "Cookie": cookie}).status == 200


@pytest.mark.parametrize(
    ("query", "status"),
    [("ab+cd/efghijkl+mnop==", 303), ("ab%2Bcd/efghijkl%2Bmnop==", 303), ("ab-cd/efghijkl+mnop==", 401)],
)
def test_base64_token_works_with_a_plus_that_is_not_encoded(serve, request_to, monkeypatch, query, status):
    monkeypatch.setenv("FASHION_EDGE_TOKEN", "ab+cd/efghijkl+mnop==")
    assert request_to(serve(), f"/?token={query}").status == status


def test_chosen_token_is_used_and_never_shown():
    policy = AccessPolicy(Address("127.0.0.1", 1), {"FASHION_EDGE_TOKEN": "correct horse battery"})
    assert (policy.token, policy.query) == ("correct horse battery", "")


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "192.168.1.7:8080", "[", "a:b:c"])
def test_dns_rebinding_is_refused(sink, request_to, host):
    response = request_to(sink, "/api/state", {"Host": host})
    assert response.status in (400, 421)
    assert b"scores" not in response.body


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:80", "LocalHost", "127.9.9.9"])
def test_loopback_names_are_accepted_with_any_port(sink, request_to, host):
    assert request_to(sink, "/api/state", {"Host": host}).status == 200


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", "", "https://", "a b", "http://127.0.0.1@evil"],
)
def test_pages_of_other_sites_are_refused(serve, request_to, origin):
    for sink in (serve(), serve("0", "http://localhost:3000")):
        response = request_to(sink, "/api/picture", {"Origin": origin}, "POST")
        assert (response.status, response.body.count(b"\n")) == (403, 1)
        assert b"only pages of fashion-edge are served" in response.body


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_embedding_in_a_page_of_another_site_is_refused_and_a_link_is_not(sink, request_to, site):
    for path in ("/still.jpg", "/stream.mjpg", "/api/state"):
        assert request_to(sink, path, {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "image"}).status == 403
    assert request_to(sink, "/", {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document"}).status == 200
    assert request_to(sink, "/page.js", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "script"}).status == 200


def test_refused_origin_is_reported_once_with_the_flag_to_add(sink, request_to, capsys):
    headers = {"Origin": SHOP, "Host": f"localhost:{sink.port}"}  # what nginx sends by default
    capsys.readouterr()
    responses = [request_to(sink, "/api/picture", headers, "POST") for _ in range(3)]
    assert [response.status for response in responses] == [403] * 3
    said = responses[0].body.decode()
    assert f"not {SHOP}; for a reverse proxy, start fashion-edge with --serve-origin {SHOP}\n" in said
    assert capsys.readouterr().err == f"--serve: {said}"
    for number in range(50):
        assert request_to(sink, "/api/state", {**headers, "Origin": f"http://evil{number}.example"}).status == 403
    assert len(capsys.readouterr().err.splitlines()) < 10, "untrusted clients must not fill the terminal"


def test_refused_host_is_reported_with_the_flag_to_add(sink, request_to, capsys):
    response = request_to(sink, "/", {"Host": "shop.example"})
    assert response.status == 421
    said = response.body.decode()
    assert f"only names of this machine are served, not {SHOP};" in said
    assert f"start fashion-edge with --serve-origin {SHOP}\n" in said
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("named", [SHOP, "https://Shop.Example:443/"])
@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "shop.example", "shop.example:443"])
def test_named_origin_is_accepted_with_a_token_and_any_host_of_the_proxy(serve, request_to, named, host):
    sink = serve("0", "http://localhost:3000", named)

    def status(origin, host, token=""):
        headers = {"Origin": origin, "Host": host, "Authorization": f"Bearer {token or token_of(sink)}"}
        return int(request_to(sink, "/api/state", headers).status)

    assert status(SHOP, host) == 200
    assert status(SHOP, host, token="wrong") == 401
    for origin in ("https://evil.example", "https://shop.example.evil", "http://shop.example:8080", "null"):
        assert status(origin, host) == 403
    assert status("http://shop.example", "localhost:1") == 403, "https was named, not http"


def test_forwarded_headers_are_ignored(sink, request_to):
    forwarded = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    assert request_to(sink, "/api/state", {"Origin": "https://evil.example", **forwarded}).status == 403


@pytest.mark.parametrize("path", ["/", "/page.js", "/api/state", "/metrics", "/none"])
def test_every_response_has_the_security_headers(sink, request_to, path):
    headers = request_to(sink, path).headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "aiohttp" not in headers["Server"]
    names = ("Cross-Origin-Resource-Policy", "X-Content-Type-Options", "Cache-Control")
    assert [headers[name] for name in names] == ["same-origin", "nosniff", "no-store"]
