import pytest

from fashion_edge.errors import brief


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no such\n  layer", "no such layer"),
        (
            "Could not translate.a/b.py:9:1: error: 'tf.Mul' op cannot be converted\n  return f()\n^\na/c.py: note",
            "'tf.Mul' op cannot be converted",
        ),
        ("parse error: line 3", "parse error: line 3"),
        ("", "ValueError"),
        ("x" * 160, "x" * 160),
        ("x" * 300, "x" * 156 + " ..."),
        ("word " * 99, "word " * 31 + "..."),
    ],
)
def test_library_errors_are_shortened_to_one_line(text, words):
    assert brief(ValueError(text)) == words
