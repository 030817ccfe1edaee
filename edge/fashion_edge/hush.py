"""TensorFlow's chatter, kept out of the terminal: its C++ half writes to the file descriptors, past `sys.stderr`."""

import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def hush(*, enabled: bool = True) -> Iterator[None]:
    """Send file descriptors 1 and 2 to a scratch file while the block runs; nothing changes where not `enabled`."""
    if not enabled:
        yield
        return
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.stdout.flush()
    with suppress(OSError):  # a message that nobody could read: it goes to the scratch file too
        sys.stderr.flush()
    saved = [(target, os.dup(target)) for target in (1, 2)]
    try:
        with tempfile.TemporaryFile() as scratch, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for target, _ in saved:
                os.dup2(scratch.fileno(), target)
            try:
                yield
            finally:
                for stream in (sys.stdout, sys.stderr):
                    with suppress(OSError):  # no room for the scratch file: the terminal is given back all the same
                        stream.flush()
                for target, copy in saved:
                    os.dup2(copy, target)
    finally:
        for _, copy in saved:
            os.close(copy)
