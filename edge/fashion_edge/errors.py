"""The exception tree: one class for each kind of error that a user can fix, with the exit status of the command.

Every message is one sentence with the bad value and what is allowed.
"""

import re

from fashion_edge.redact import redact_text

ELLIPSIS = " ..."
MAX_MESSAGE, MAX_LINE = 600, 4000  # characters
# all but tabs; among them line separators, marks that reverse the direction of writing, and undecoded bytes
CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str, most: int = MAX_LINE) -> str:
    """Return text with control characters escaped, and with its middle left out beyond `most` characters.

    File names, values of files and answers of servers must neither steer a terminal nor fill it. The end of a message
    stays, since it is what to do.
    """
    if len(text) > most:
        text = redact_text(text)  # now, since a part of an address is not recognized later
    text = CONTROL.sub(_escape, text)
    if len(text) <= most:
        return text
    end = most // 3
    return f"{text[: most - end - len(ELLIPSIS) - 1]}{ELLIPSIS} {text[-end:]}"


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0  # how Python decodes a byte that is not UTF-8
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def quoted(text: str, most: int = 60) -> str:
    """Return a value of others for a sentence."""
    return printable(repr(text), most)


def brief(error: BaseException, most: int = 160) -> str:
    """Return the message of a library's exception on one line of at most `most` characters, or its class name.

    The message of a converter is pages of graphs, paths and source lines; only the part after `error:` is returned.
    """
    text = str(error)
    found = re.search(r"(?:^|: )error: (.+)", text)
    return printable(" ".join((found[1] if found else text).split()) or type(error).__name__, most)


class FashionError(Exception):
    """An error that a user can fix; its text is one sentence."""

    exit_status = 2

    def __str__(self) -> str:
        """Return the sentence, bounded, whatever was quoted in it."""
        return printable(super().__str__(), MAX_MESSAGE)


class UsageError(FashionError, ValueError):
    """A flag or an argument with a bad value."""


class OutputExistsError(FashionError, FileExistsError):
    """An output exists already and overwriting is off."""


class MissingExtraError(FashionError, ImportError):
    """A library that is needed here is not installed; the message is the pip command."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed: pip install 'fashion-edge[{extra}]'")


class ImageError(FashionError, ValueError):
    """An image that cannot be read: missing, damaged, too large, of another type."""


class ScoreError(ImageError):
    """An image for which the model gives NaN, infinity, or a score outside 0..1."""


class SourceError(FashionError, OSError):
    """A camera, video, stream or folder that cannot be opened."""


class BundleError(FashionError, ValueError):
    """A bundle that is missing, damaged, or not of this schema."""


class NewerBundleError(BundleError):
    """A bundle that a later version wrote."""


class ModelError(BundleError):
    """A model file that does not load, or differs from the manifest."""


class DatasetError(FashionError, ValueError):
    """A dataset that cannot be used for training."""


class RunError(FashionError, ValueError):
    """A run folder that is missing, damaged, or not of this schema."""


class GateError(FashionError):
    """A gate (parity, regression) failed."""

    exit_status = 3
