"""Groups of labels, as `--groups` takes them."""

import pytest

from fashion_edge.errors import UsageError
from fashion_edge.labels import parse_groups


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("colour=red,blue", {"colour": ("red", "blue")}),  # labels may be in no group
        ("colour=red,blue garment=dress", {"colour": ("red", "blue"), "garment": ("dress",)}),
        (" colour=red ; garment=dress ", {"colour": ("red",), "garment": ("dress",)}),
        ("colour=Red, Blue,red", {"colour": ("red", "blue")}),
        ("colour=light grey,red garment=dress", {"colour": ("light grey", "red"), "garment": ("dress",)}),
        ("unit=M,m", {"unit": ("M", "m")}),  # case counts where two labels differ by it
    ],
)
def test_groups_are_read_from_one_text(text, groups):
    assert parse_groups(text, ["M", "blue", "dress", "light grey", "m", "red"]) == groups


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (" ", "--groups is empty; give it as 'colour=black,red garment=dress,shirt', or leave it out"),
        ("colour", "'colour' is not of the form colour=black,red"),
        ("colour=", "'colour=' is not of the form"),
        ("=red", "'=red' is not of the form"),
        ("colour=red colour=blue", "names the group 'colour' twice; list all its labels at once"),
        ("colour=red,green", "there is no label green; labels: blue, red"),
        ("colour=red blue", "there is no label red blue"),
        ("a=red b=red,blue", "puts red into two groups"),
        (f"{'g' * 256}=red", "is not valid in a bundle; choose another"),
    ],
)
def test_malformed_groups_are_refused_with_the_reason(text, message):
    with pytest.raises(UsageError, match=message):
        parse_groups(text, ["blue", "red"])
