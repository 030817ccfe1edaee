"""What the name of a folder says of the photos in it, given the labels of a model: `Red_Dress` is red and a dress."""

import unicodedata
from collections.abc import Sequence


def read_folder_name(name: str, labels: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels that are named, as the model spells them, and the words that are none; capitals do not count."""
    spelt = {_alike(label): label for label in labels}
    words = [word for word in name.split("_") if word]
    known = tuple(spelt[_alike(word)] for word in words if _alike(word) in spelt)
    return known, tuple(word for word in words if _alike(word) not in spelt)


def _alike(word: str) -> str:
    """Equal for words that look the same: macOS writes an umlaut as two code points."""
    return unicodedata.normalize("NFC", word.casefold())
