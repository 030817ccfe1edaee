import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.web import auth
from fashion_edge.web.auth import Address, is_loopback


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


NEEDS_IPV6 = pytest.mark.skipif(not has_ipv6(), reason="NO IPv6 on this machine")


@pytest.mark.parametrize(
    ("text", "expected", "loopback"),
    [
        ("8080", Address("127.0.0.1", 8080), True),
        (":8080", Address("127.0.0.1", 8080), True),
        ("localhost:80", Address("localhost", 80), True),
        ("0.0.0.0:8080", Address("0.0.0.0", 8080), False),
        ("192.168.1.7:8080", Address("192.168.1.7", 8080), False),
        ("[::1]:8080", Address("::1", 8080), True),
        ("[::]:0", Address("::", 0), False),
        ("camera.local:8080", Address("camera.local", 8080), False),
    ],
)
def test_an_address_is_of_this_machine_alone_unless_it_says_otherwise(
    text: str, expected: Address, loopback: bool
) -> None:
    assert Address.parse(text) == expected
    assert expected.loopback is loopback


@pytest.mark.parametrize(
    "text", ["", "host", "host:", "host:65536", "host:-1", "host:8o8o", "::1:80", "1:2:3", "host:٣"]
)
def test_what_is_no_address_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not PORT or HOST:PORT .* such as 0\.0\.0\.0:8080"):
        Address.parse(text)


def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"--serve 127.0.0.1:{port} cannot be opened .Address already in use."):
            Address("127.0.0.1", port).listen()


def test_a_host_of_another_machine_is_named() -> None:
    with pytest.raises(UsageError, match=r"--serve 192.0.2.1:8080 cannot be opened .*name another host"):
        Address("192.0.2.1", 8080).listen()


def test_only_true_loopback_names_count() -> None:
    assert is_loopback("127.9.9.9")
    assert is_loopback("LOCALHOST")
    assert not is_loopback("localhost.evil.example")
    assert not is_loopback("")


EVERYWHERE = ["0.0.0.0", "0", pytest.param("[::]", marks=NEEDS_IPV6), pytest.param("[0::0]", marks=NEEDS_IPV6)]


@pytest.fixture(params=["a route", "neighbours", "neither"])
def network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """How far this machine sees; where no route leads out, the address for documentation is one that none leads to."""
    if request.param != "a route":
        monkeypatch.setattr(auth, "ELSEWHERE", {socket.AF_INET: "0.0.0.0.0", socket.AF_INET6: "::::"})
    if request.param == "neither":
        monkeypatch.setattr("psutil.net_if_addrs", dict)
    return str(request.param)


@pytest.mark.parametrize("host", EVERYWHERE)
def test_the_address_to_open_answers_and_is_none_that_means_all(host: str, network: str) -> None:
    given = Address.parse(f"{host}:0")
    with given.listen() as listening:
        link = urlsplit(f"http://{given.reachable(listening)}/")
        assert link.hostname
        assert not ip_address(link.hostname).is_unspecified
        with socket.create_connection((link.hostname, link.port), timeout=10):
            listening.accept()[0].close()
        assert network != "neither" or ip_address(link.hostname).is_loopback


@NEEDS_IPV6
def test_an_ipv6_host_stands_in_brackets() -> None:
    given = Address.parse("[::1]:0")
    with given.listen() as listening:
        assert given.reachable(listening) == f"[::1]:{listening.getsockname()[1]}"


def test_a_name_that_was_given_is_shown() -> None:
    given = Address.parse("localhost:0")
    with given.listen() as listening:
        assert given.reachable(listening).startswith("localhost:")
