"""A library's page of an exception in few words."""

import pytest

from fashion_export.reason import LONGEST, reason


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("no such\n  layer", "no such layer"),
        (
            "Could not translate.a/b.py:9:1: error: 'tf.Mul' op is no op\n  return f()\n^\na/c.py: note",
            "'tf.Mul' op is no op",
        ),
        ("", "ValueError"),
    ],
)
def test_one_line_says_what_was_wrong(text, words):
    assert reason(ValueError(text)) == words


def test_a_long_text_ends_at_a_word_and_says_that_it_goes_on():
    assert reason(ValueError("word " * 99)).endswith("word ...")
    assert len(reason(ValueError("word " * 99))) <= LONGEST + 4
