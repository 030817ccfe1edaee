"""Labels and groups of labels as a user writes them on the command line."""

import re
import unicodedata
from collections.abc import Sequence

from fashion_edge.bundle import is_word
from fashion_edge.errors import UsageError

GROUPS_EXAMPLE = "colour=black,red garment=dress,shirt"
BEFORE_NAME = re.compile(r"[\s;]+(?=[^\s=,;]*=)")  # what separates one group from the next


def normalize_label(text: str) -> str:
    """Lower case, and one sequence of code points for what looks the same: file systems differ in how they spell ü."""
    return unicodedata.normalize("NFC", text.lower())


def parse_groups(text: str, labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Read groups of labels that exclude each other, such as `colour=black,red garment=dress,shirt`.

    Args:
        text: `NAME=LABEL,LABEL`, separated by blanks. Labels in no group are decided independently.
        labels: the labels of the model or the data set. Case does not matter where it is not needed to tell them apart.

    Returns:
        Group name -> its labels, in the order given.

    Raises:
        UsageError: the text is malformed, or names a label that is not in `labels` or that is in another group.

    Example:
        >>> parse_groups("colour=Red,blue", ["blue", "dress", "red"])
        {'colour': ('red', 'blue')}
    """
    if not text.strip():
        raise UsageError(f"--groups is empty; give it as '{GROUPS_EXAMPLE}', or leave it out")
    spelled = {**{normalize_label(label): label for label in labels}, **{label: label for label in labels}}
    groups: dict[str, tuple[str, ...]] = {}
    for part in BEFORE_NAME.split(text.strip(" ;")):
        name, _, members = part.partition("=")
        words = [word.strip() for word in members.split(",") if word.strip()]
        if not (name and words):
            raise UsageError(f"--groups: {part!r:.60} is not of the form colour=black,red")
        if not is_word(name):
            raise UsageError(f"--groups: the name {name!r:.60} is not valid in a bundle; choose another")
        if name in groups:
            raise UsageError(f"--groups names the group {name!r} twice; list all its labels at once: {name}=black,red")
        found = [spelled.get(word) or spelled.get(normalize_label(word)) for word in words]
        if unknown := [word for word, label in zip(words, found, strict=True) if label is None]:
            raise UsageError(f"--groups: there is no label {', '.join(unknown)}; labels: {', '.join(labels)}")
        groups[name] = tuple(dict.fromkeys(label for label in found if label))
    grouped = [label for members in groups.values() for label in members]
    if twice := next((label for label in grouped if grouped.count(label) > 1), None):
        raise UsageError(f"--groups puts {twice} into two groups; a label belongs to one group at most")
    return groups
