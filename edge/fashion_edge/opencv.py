"""OpenCV, imported on first use, with the pip command as the error where it is missing."""

import ctypes
from contextlib import suppress
from typing import Any

from fashion_edge.errors import MissingExtraError


class _LazyOpenCV:
    """The module `cv2`: nothing is imported before the first attribute is read."""

    def __getattr__(self, name: str) -> Any:
        """Import OpenCV; later reads find its names here and cost no call."""
        try:
            import cv2
        except ImportError as error:
            raise MissingExtraError("OpenCV", "headless") from error
        self.__dict__ = cv2.__dict__
        return getattr(cv2, name)


cv2: Any = _LazyOpenCV()


KEPT = 32 << 20  # bytes; the most that glibc accepts
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of malloc.h


def keep_freed_memory() -> None:
    """Make glibc keep up to `KEPT` bytes of freed memory for the next frames.

    By default it returned memory to the system after most frames and fetched it again: 20 to 80 page faults a frame,
    and up to 0.2 ms of 0.85.
    """
    with suppress(AttributeError, OSError, TypeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        if mallopt(M_MMAP_THRESHOLD, KEPT):
            mallopt(M_TRIM_THRESHOLD, KEPT)
