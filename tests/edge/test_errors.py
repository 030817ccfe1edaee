import pytest

from fashion_edge.errors import MAX_MESSAGE, UsageError, brief, printable, quoted
from fashion_edge.frame import Event, Fault


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
        ("x" * 300, "x" * 102 + " ... " + "x" * 53),
        (
            "Expand: " + "/src" * 60 + " out of memory",
            "Expand: " + "/src" * 23 + "/s ... src" + "/src" * 9 + " out of memory",
        ),
    ],
)
def test_library_errors_are_shortened_to_one_line(text, words):
    assert brief(ValueError(text)) == words


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("red\tdress, größer, 服, نص", "red\tdress, größer, 服, نص"),
        ("a\x1b[2J\r\nb\x9bc", r"a\x1b[2J\x0d\x0ab\x9bc"),
        ("photo\u202egpj.exe", r"photo\u202egpj.exe"),
        ("undecoded \udcff", r"undecoded \xff"),
        ("a" * 4000, "a" * 4000),
    ],
)
def test_text_of_others_does_not_steer_a_terminal(text, shown):
    assert printable(text) == shown


def test_a_long_value_leaves_what_to_do_in_the_message():
    hostile = "\x1b[2J" * 100_000
    error = UsageError(f"--source {hostile!r} is not valid; give one that is")
    assert len(str(error)) == len(f"{error}") == MAX_MESSAGE
    assert str(error).startswith("--source '")
    assert str(error).endswith(" is not valid; give one that is")
    assert str(error).isprintable()
    assert Fault("c", 1, f"{hostile}; try again").reason.endswith("; try again")
    assert len(Event("c", "lost", 0.0, hostile).detail) == MAX_MESSAGE
    assert len(quoted(hostile)) == 60


def test_a_secret_is_hidden_before_a_message_is_cut():
    for length in range(300, 700, 7):
        said = str(UsageError(f"{'a' * length} rtsp://admin:hunter2hunter2@10.0.0.2/live {'b' * 300}; try again"))
        assert "hunter" not in said
