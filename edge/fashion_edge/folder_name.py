"""What the name of a folder says of the photos in it, given the labels of a model: `Red_Dress` is red and a dress."""

from collections.abc import Sequence


def read_folder_name(name: str, labels: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The labels that are named, as the model spells them, and the words that are none; capitals do not count."""
    spelt = {label.casefold(): label for label in labels}
    words = [word for word in name.split("_") if word]
    known = tuple(spelt[word.casefold()] for word in words if word.casefold() in spelt)
    return known, tuple(word for word in words if word.casefold() not in spelt)
