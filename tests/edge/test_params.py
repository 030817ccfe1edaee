from pathlib import Path

import click
import pytest

from fashion_edge.cli.common import PATH, TEXT, Number


def test_words_and_paths_pass_as_they_are() -> None:
    assert TEXT.convert("größer", None, None) == "größer"
    assert PATH.convert("a/b.mp4", None, None) == Path("a/b.mp4")


@pytest.mark.parametrize("kind", [TEXT, PATH])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "it is empty"),
        ("v\udcff.mp4", r"v\\xff.mp4 is no UTF-8; rename"),
        ("hall\nUser=root", r"'hall\\nUser=root' holds a line break or another control character; take it out"),
        ("\x1b[2J", r"'\\x1b\[2J' holds"),
    ],
)
def test_what_was_never_set_crashes_opencv_or_breaks_a_line_is_refused(
    kind: click.ParamType, value: str, reason: str
) -> None:
    with pytest.raises(click.BadParameter, match=reason):
        kind.convert(value, None, None)


@pytest.mark.parametrize("value", ["nan", "inf"])
def test_a_number_is_finite(value: str) -> None:
    with pytest.raises(click.BadParameter):
        Number(0).convert(value, None, None)
