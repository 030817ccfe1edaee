"""The exception tree: one class for each kind of thing that can be wrong.

FashionError                      every error that a person can mend; `.exit_status` is what the command returns
├── UsageError (ValueError)       a flag or an argument with a bad value
├── OutputExistsError (FileExistsError)   an output is there already and overwriting was not asked for
├── MissingExtraError (ImportError)       a library is not installed; the message is the pip command
├── ImageError (ValueError)       a still that cannot be read: missing, empty, cut short, no image, too large
├── SourceError (OSError)         a camera, video, stream or folder that cannot be opened
├── BundleError (ValueError)      a bundle that is missing, damaged, or not of this schema
│   ├── NewerBundleError          a bundle of a later version
│   └── ModelError                a model file that does not load, or is not what the manifest says
├── DatasetError (ValueError)     a data set that cannot be trained on
├── RunError (ValueError)         a run folder that is missing, damaged, or not of this schema
└── GateError                     a gate (parity, regression) said no

Every message is one sentence that names the bad value and what would be right.
"""

import re

GOES_ON = " ..."


def brief(error: BaseException, most: int = 160) -> str:
    """What an exception of a library says, on one line of at most `most` characters; its kind where it says nothing.

    A converter's text is pages of graphs, paths and source lines: what stands behind its `error:` is meant.
    """
    text = str(error)
    found = re.search(r"(?:^|: )error: (.+)", text)
    words = " ".join((found[1] if found else text).split()) or type(error).__name__
    if len(words) <= most:
        return words
    cut = words[: most - len(GOES_ON)]
    return (cut.rpartition(" ")[0] or cut) + GOES_ON


class FashionError(Exception):
    """An error that a person can mend; its text is one sentence."""

    exit_status = 2


class UsageError(FashionError, ValueError):
    """A flag or an argument with a bad value."""


class OutputExistsError(FashionError, FileExistsError):
    """An output is there already and overwriting was not asked for."""


class MissingExtraError(FashionError, ImportError):
    """A library that the chosen way needs is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} is not installed: pip install 'fashion-edge[{extra}]'")


class ImageError(FashionError, ValueError):
    """A still that cannot be read."""


class SourceError(FashionError, OSError):
    """A camera, video, stream or folder that cannot be opened."""


class BundleError(FashionError, ValueError):
    """A bundle that is missing, damaged, or not of this schema."""


class NewerBundleError(BundleError):
    """A bundle whose schema a later version defined."""


class ModelError(BundleError):
    """A model file that does not load, or is not what the manifest says."""


class DatasetError(FashionError, ValueError):
    """A data set that cannot be trained on."""


class RunError(FashionError, ValueError):
    """A run folder that is missing, damaged, or not of this schema."""


class GateError(FashionError):
    """A gate (parity, regression) said no."""

    exit_status = 3
