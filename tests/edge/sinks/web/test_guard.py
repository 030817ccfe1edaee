from collections.abc import Callable

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.sinks.web import Address, WebSink
from fashion_edge.sinks.web.guard import Guard

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


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1"])
def test_pages_of_other_sites_are_refused(serve: Callable[..., WebSink], ask: Ask, origin: str) -> None:
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    upgrade |= {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Origin": origin}
    answer = ask(serve(), "/api/live", upgrade)
    assert (answer.status, answer.body) == (403, b"")


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
