import http.client
from collections.abc import Callable

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.web import Address, WebSink
from fashion_edge.web.auth import Guard

Ask = Callable[..., object]
PATHS = ("/", "/page.js", "/api/state", "/api/events", "/api/live", "/still.jpg", "/stream.mjpg", "/metrics", "/none")


def token_of(sink: WebSink) -> str:
    return sink.url.partition("?token=")[2]


def test_on_this_machine_no_token_is_asked(serve: Callable[..., WebSink], ask: Ask) -> None:
    sink = serve()
    assert "token" not in sink.url
    assert ask(sink, "/").status == 200


@pytest.mark.parametrize("path", PATHS)
def test_beyond_it_a_missing_or_wrong_token_gets_nothing(serve: Callable[..., WebSink], ask: Ask, path: str) -> None:
    sink = serve("0.0.0.0:0")
    almost = token_of(sink)[:-1]
    for query in ("", "?token=", "?token=wrong", f"?token={almost}", "?token=%ff%fe"):
        answer = ask(sink, path + query)
        assert (answer.status, answer.body) == (401, b"")
    for headers in ({"Authorization": "Bearer wrong"}, {"Cookie": f"fashion_edge_{sink.port}={almost}"}):
        answer = ask(sink, path, headers)
        assert (answer.status, answer.body) == (401, b"")


def test_who_may_not_look_keeps_no_connection(serve: Callable[..., WebSink], ask: Ask) -> None:
    sink = serve("0.0.0.0:0")
    assert ask(sink, "/").headers["Connection"] == "close", "or 64 of them would keep out who may"
    assert ask(sink, "/", {"Authorization": f"Bearer {sink.url.partition('=')[2]}"}).headers["Connection"] is None


def test_the_right_token_opens_by_query_header_and_cookie(serve: Callable[..., WebSink], ask: Ask) -> None:
    sink = serve("0.0.0.0:0")
    token = token_of(sink)
    assert len(token) >= 20
    assert ask(sink, f"/api/state?token={token}").status == 200
    assert ask(sink, "/api/state", {"Authorization": f"Bearer {token}"}).status == 200
    entered = ask(sink, f"/?token={token}")
    assert (entered.status, entered.headers["Location"], entered.body) == (303, "/", b"")
    cookie = entered.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert ask(sink, "/", {"Cookie": cookie.partition(";")[0]}).status == 200


def test_a_token_of_base64_opens_where_nobody_encoded_its_plus(
    serve: Callable[..., WebSink], ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FASHION_EDGE_TOKEN", "ab+cd/efghijkl+mnop==")
    sink = serve()
    assert ask(sink, "/?token=ab+cd/efghijkl+mnop==").status == 303
    assert ask(sink, "/?token=ab%2Bcd/efghijkl%2Bmnop==").status == 303
    assert ask(sink, "/?token=ab-cd/efghijkl+mnop==").status == 401


def test_two_runs_have_two_tokens(serve: Callable[..., WebSink]) -> None:
    assert token_of(serve("0.0.0.0:0")) != token_of(serve("0.0.0.0:0"))


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "", "192.168.1.7:8080", "[", "a:b:c"])
def test_a_name_that_was_bent_to_this_machine_is_refused(serve: Callable[..., WebSink], ask: Ask, host: str) -> None:
    answer = ask(serve(), "/api/state", {"Host": host})
    assert answer.status in (400, 421)
    assert b"scores" not in answer.body


@pytest.mark.parametrize("host", ["localhost:1234", "127.0.0.1", "[::1]:80", "LocalHost"])
def test_the_names_of_this_machine_pass_at_any_port(serve: Callable[..., WebSink], ask: Ask, host: str) -> None:
    assert ask(serve(), "/api/state", {"Host": host}).status == 200


def open_socket(sink: WebSink, origin: str, host: str | None = None, **headers: str) -> tuple[int, str]:
    """Status and reason of a WebSocket that a page of this origin opens; a proxy may have put another host there."""
    sent = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Origin": origin}
    sent |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Host": host or f"127.0.0.1:{sink.port}", **headers}
    connection = http.client.HTTPConnection("127.0.0.1", sink.port, timeout=10)
    try:
        connection.request("GET", "/api/live", headers=sent)
        answer = connection.getresponse()
        return answer.status, "" if answer.status == 101 else answer.read().decode()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", "", "https://", "a b", "http://127.0.0.1@evil"],
)
def test_pages_of_other_sites_are_refused(serve: Callable[..., WebSink], origin: str) -> None:
    for sink in (serve(), serve("0", "http://localhost:3000")):
        status, said = open_socket(sink, origin)
        assert (status, said.count("\n")) == (403, 1)
        assert "may look" in said or "may not look" in said


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_an_image_in_a_page_of_another_site_costs_no_picture_and_a_link_there_opens(
    serve: Callable[..., WebSink], ask: Ask, site: str
) -> None:
    sink = serve()
    for path in ("/still.jpg", "/stream.mjpg", "/api/state"):
        assert ask(sink, path, {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "image"}).status == 403
    assert ask(sink, "/", {"Sec-Fetch-Site": site, "Sec-Fetch-Dest": "document"}).status == 200
    assert ask(sink, "/page.js", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "script"}).status == 200


SHOP = "https://shop.example"


def test_a_page_behind_a_proxy_is_told_the_command_that_mends_it(
    serve: Callable[..., WebSink], capsys: pytest.CaptureFixture
) -> None:
    sink = serve()
    host = f"localhost:{sink.port}"  # what nginx puts there by itself
    capsys.readouterr()
    for _ in range(3):
        status, said = open_socket(sink, SHOP, host)
        assert status == 403
        assert f"a page of {SHOP} may not look" in said
        assert f"start fashion-edge with --serve-origin {SHOP}\n" in said
    assert capsys.readouterr().err == f"--serve: {said}", "once, however often it is tried"
    for number in range(50):
        assert open_socket(sink, f"http://evil{number}.example", host)[0] == 403
    assert len(capsys.readouterr().err.splitlines()) < 10, "strangers do not fill the terminal"


@pytest.mark.parametrize("named", [SHOP, "https://Shop.Example:443/"])
@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "shop.example", "shop.example:443"])
def test_a_page_of_a_named_origin_may_look_whichever_host_the_proxy_passes(
    serve: Callable[..., WebSink], named: str, host: str
) -> None:
    sink = serve("0", "http://localhost:3000", named)
    bearer = {"Authorization": f"Bearer {token_of(sink)}"}
    assert open_socket(sink, SHOP, host, **bearer)[0] == 101
    assert open_socket(sink, SHOP, host)[0] == 401, "others come there, too: by token"
    for origin in ("https://evil.example", "https://shop.example.evil", "http://shop.example:8080", "null"):
        assert open_socket(sink, origin, host, **bearer)[0] == 403
    assert open_socket(sink, "http://shop.example", "localhost:1", **bearer)[0] == 403, "not over the wire in plain"
    assert open_socket(sink, SHOP, "evil.example", **bearer)[0] == 421, "a name that was bent to this machine"


def test_what_a_proxy_claims_is_not_believed(serve: Callable[..., WebSink]) -> None:
    claims = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "Forwarded": "host=evil.example"}
    assert open_socket(serve(), "https://evil.example", **claims)[0] == 403


def test_the_link_by_the_proxy_is_shown_with_its_token(
    serve: Callable[..., WebSink], capsys: pytest.CaptureFixture
) -> None:
    sink = serve("0", SHOP)
    assert f"live page: {sink.url} or {SHOP}/?token={token_of(sink)}\n" in capsys.readouterr().err
    assert "token" not in serve("0", "http://localhost:3000").url, "another port of this machine is no stranger"


def test_the_host_of_a_proxy_is_refused_with_the_command_that_mends_it(
    serve: Callable[..., WebSink], ask: Ask, capsys: pytest.CaptureFixture
) -> None:
    answer = ask(serve(), "/", {"Host": "shop.example"})
    assert answer.status == 421
    assert b"shop.example is no name of this machine" in answer.body
    assert b"start fashion-edge with --serve-origin https://shop.example\n" in answer.body
    assert answer.body.decode() in capsys.readouterr().err


def test_a_host_without_a_port_gets_its_cookie(serve: Callable[..., WebSink], ask: Ask) -> None:
    sink = serve("0.0.0.0:0")
    for host in ("[2001:db8::1]", "shop.example", "192.0.2.7"):
        entered = ask(sink, f"/?token={token_of(sink)}", {"Host": host})
        assert entered.status == 303
        cookie = entered.headers["Set-Cookie"].partition(";")[0]
        assert ask(sink, "/", {"Host": host, "Cookie": cookie}).status == 200


def test_every_answer_forbids_what_the_page_does_not_need(serve: Callable[..., WebSink], ask: Ask) -> None:
    sink = serve()
    for path in ("/", "/page.js", "/api/state", "/metrics", "/none"):
        headers = ask(sink, path).headers
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "aiohttp" not in headers["Server"]


def test_a_chosen_token_is_used_and_never_shown() -> None:
    guard = Guard(Address("127.0.0.1", 1), {"FASHION_EDGE_TOKEN": "correct horse battery"})
    assert guard.token == "correct horse battery"
    assert guard.query == ""
    with pytest.raises(UsageError, match="FASHION_EDGE_TOKEN has 5 characters, 16 is the least"):
        Guard(Address("127.0.0.1", 1), {"FASHION_EDGE_TOKEN": "short"})
