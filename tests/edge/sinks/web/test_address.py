import socket

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.sinks.web.address import Address, is_loopback


@pytest.mark.parametrize(
    ("text", "address", "loopback"),
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
    text: str, address: Address, loopback: bool
) -> None:
    assert Address.parse(text) == address
    assert address.loopback is loopback


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


def test_the_address_to_open_is_one_that_others_can_reach() -> None:
    assert Address("0.0.0.0", 0).reachable(8080) not in ("0.0.0.0:8080", "")
    assert Address("::1", 0).reachable(8080) == "[::1]:8080"
