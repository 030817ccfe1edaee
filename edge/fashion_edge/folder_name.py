"""What the name of a folder says of the photos in it, given the labels of a model: `Red_Dress` is red and a dress."""

import unicodedata
from collections.abc import Sequence


def read_folder_name(name: str, labels: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels that are named, as the model spells them, and the words that are none; capitals do not count.

    A label may hold `_` itself: where the labels are t_shirt and red, `red_t_shirt` names both, and no other word.
    """
    spelt = {_alike(label): label for label in labels}
    words = [word for word in name.split("_") if word]
    known, strange = [], []
    while words:
        most = next((n for n in range(len(words), 0, -1) if _alike("_".join(words[:n])) in spelt), 0)
        if most:
            known.append(spelt[_alike("_".join(words[:most]))])
        else:
            strange.append(words[0])
        words = words[most or 1 :]
    return tuple(known), tuple(strange)


def _alike(word: str) -> str:
    """Equal for words that look the same: macOS writes an umlaut as two code points."""
    return unicodedata.normalize("NFC", word.casefold())
