from pathlib import Path

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.sinks.mqtt import Broker


@pytest.mark.parametrize(
    ("text", "tls", "where"),
    [
        ("broker.local", False, "broker.local:1883"),
        ("broker.local", True, "broker.local:8883"),
        ("10.0.0.2:1884", True, "10.0.0.2:1884"),
        ("[::1]", False, "[::1]:1883"),
        ("mqtt://broker:1883", False, "broker:1883"),
    ],
)
def test_a_host_is_enough(text: str, tls: bool, where: str) -> None:
    assert str(Broker.parse(text, tls=tls, environ={})) == where


@pytest.mark.parametrize("text", ["", ":1883", "host:port", "host:99999", "host/path"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not HOST or HOST:PORT"):
        Broker.parse(text, environ={})


def test_a_password_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(UsageError, match="FASHION_EDGE_MQTT_PASSWORD") as caught:
        Broker.parse("me:swordfish@broker", environ={})
    assert "swordfish" not in str(caught.value)


def test_the_password_comes_from_a_file_or_the_environment_and_is_never_shown(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text("sword fish\nsecond line\n")
    environ = {"FASHION_EDGE_MQTT_PASSWORD": "from outside"}
    assert Broker.parse("b", user="me", password_file=file, environ=environ).password == "sword fish"
    broker = Broker.parse("b", user="me", environ=environ)
    assert broker.password == "from outside"
    assert "outside" not in repr(broker)


def test_the_mark_that_editors_of_windows_begin_with_is_no_part_of_the_password(tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_bytes(b"\xef\xbb\xbfsword fish\r\n")
    assert Broker.parse("b", user="me", password_file=file, environ={}).password == "sword fish"


def test_a_password_file_must_be_readable_have_a_line_and_a_user(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    for name, said in (("none", "cannot be read: No such file"), ("empty", "has no password on its first line")):
        with pytest.raises(UsageError, match=said):
            Broker.parse("b", user="me", password_file=tmp_path / name, environ={})
    (tmp_path / "full").write_text("x\n")
    with pytest.raises(UsageError, match="needs --mqtt-user"):
        Broker.parse("b", password_file=tmp_path / "full", environ={})
