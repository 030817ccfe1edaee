import pytest

from fashion_edge.cli import main
from fashion_edge.errors import UsageError
from fashion_edge.web import Origin


@pytest.mark.parametrize(
    ("text", "written"),
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
def test_an_origin_is_written_as_browsers_do(text: str, written: str) -> None:
    assert str(Origin.parse(text)) == written
    assert Origin.parse(written) == Origin.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "shop.example", "shop.example:443", "https://", "https://*", "https://*.example", "ftp://shop.example",
        "https://shop.example/camera", "https://shop.example?x", "https://me@shop.example", "https://shop.example:many",
        "https://[::1", "https://a..b", "https://a b", "null", "https://\x1b[31m", "https://[fe80::1%\x1b[31m]",
    ],
)  # fmt: skip
def test_what_is_no_origin_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"--serve-origin .* such as --serve-origin https://shop\.example"):
        Origin.parse(text)


def test_only_pages_of_this_machine_count_as_such() -> None:
    assert Origin.parse("http://localhost:3000").loopback
    assert Origin.parse("http://[::1]").loopback
    assert not Origin.parse("https://localhost.evil.example").loopback


def test_on_the_command_line_it_goes_with_serve(capsys: pytest.CaptureFixture) -> None:
    run = ["--source", "demo", "--frames", "1", "--headless"]
    assert main([*run, "--serve-origin", "https://shop.example"]) == 2
    assert "--serve-origin does nothing without --serve" in capsys.readouterr().err
    assert main([*run, "--serve", "0", "--serve-origin", "shop.example"]) == 2
    assert "--serve-origin 'shop.example' is not scheme, host and port alone" in capsys.readouterr().err
    assert main([*run, "--serve", "0", "--serve-origin", "http://a.example", "--serve-origin", "http://b.example"]) == 0
    assert " or http://a.example/?token=" in capsys.readouterr().err
