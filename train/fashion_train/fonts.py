"""Letters that Matplotlib's own font lacks, such as Chinese ones, from a font that is installed."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from fashion_edge.console import say

OWN = "DejaVu Sans"  # comes with Matplotlib
BOXES = "Last Resort"  # comes with it, too: a box for every letter there is
NAMED = 10  # letters that a message names at most


@contextmanager
def legible_letters(text: str) -> Iterator[None]:
    """Draw plots with fonts that have every letter of a text, as far as there are any; says which are missing."""
    import matplotlib as mpl

    families, missing = find_families(text)
    if missing:
        shown = "".join(sorted(missing)[:NAMED])
        say(
            f"plots show boxes for letters that no font here has, such as {shown}: install one, such as "
            f"fonts-noto or fonts-noto-cjk, and delete {mpl.get_cachedir()} before the next run; "
            "report.md has every label"
        )
    with mpl.rc_context({"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield


def find_families(text: str) -> tuple[list[str], set[str]]:
    """Font families that have the letters of a text, Matplotlib's own first, and the letters that none has."""
    from matplotlib.font_manager import findfont, fontManager

    families, missing = [OWN], {letter for letter in text if not letter.isspace()} - _letters(findfont(OWN))
    for font in fontManager.ttflist:
        if not missing:
            break
        if not font.name.startswith(BOXES) and missing & (there := _letters(font.fname)):
            families.append(font.name)
            missing -= there
    return families, missing


def _letters(file: str) -> set[str]:
    from matplotlib.font_manager import get_font

    try:
        return {chr(code) for code in get_font(file).get_charmap()}
    except (OSError, RuntimeError):  # deleted since Matplotlib listed it, or damaged
        return set()
