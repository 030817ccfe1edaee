"""Why a library failed, in few words: its exceptions hold whole pages, with graphs, paths and source lines."""

import re

LONGEST = 200  # characters


def reason(error: Exception) -> str:
    """One line of an exception's text: what stands behind a converter's `error:`, else the beginning, cut at a word."""
    text = str(error)
    found = re.search(r"\berror: (.+)", text)
    words = " ".join((found[1] if found else text).split()) or type(error).__name__
    return words if len(words) <= LONGEST else words[:LONGEST].rpartition(" ")[0] + " ..."
