"""Labels and groups as a user names them on the command line."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

from fashion_edge.bundle import is_word
from fashion_edge.errors import UsageError
from fashion_export.unpickle import read_classes

PICKLES = (".pickle", ".pkl", ".pck")


def parse_labels(text: str) -> tuple[str, ...]:
    """Labels of `a,b,c`, or of a pickled binarizer's file.

    Raises:
        UsageError: an empty, odd or repeated label, a pickle that is refused, or another file.
    """
    if "," not in text and not text.endswith(PICKLES) and os.path.isfile(text):  # noqa: PTH113  # a long text is none
        raise UsageError(
            f"--labels {text} is a file, but none of {', '.join(PICKLES)}; name the labels themselves in output order: "
            "--labels black,blue,dress"
        )
    labels = read_classes(Path(text)) if text.endswith(PICKLES) else tuple(word.strip() for word in text.split(","))
    if not all(labels) or len(set(labels)) != len(labels):
        raise UsageError(f"--labels {text!r} must be different words with commas between: --labels black,blue,dress")
    _check_words("--labels", labels)
    return labels


def parse_groups(texts: Sequence[str], labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Groups of `name=a,b`.

    Raises:
        UsageError: not of that form, a label that --labels does not name, or one in two groups.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, members = text.partition("=")
        if name in groups:
            raise UsageError(f"--group names {name!r} twice; list all its labels at once: {name}=red,blue,green")
        groups[name] = tuple(word.strip() for word in members.split(","))
        taken = [label for group in groups.values() for label in group]
        if not name or not all(label in labels for label in groups[name]) or len(set(taken)) != len(taken):
            raise UsageError(f"--group {text!r} must be like colour=red,blue, of --labels, each label in one group")
    _check_words("--group", groups)
    return groups


def _check_words(flag: str, words: Iterable[str]) -> None:
    """Refuse now what the finished bundle would be refused for."""
    if odd := next((word for word in words if not is_word(word)), None):
        raise UsageError(f"{flag} has {odd!r:.60}, which no bundle can carry: call it by 1 to 255 printable characters")
