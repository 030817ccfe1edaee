"""OpenCV, imported on first use, with the pip command as the error where it is missing."""

from typing import Any

from fashion_edge.errors import MissingExtraError


def load_cv2() -> Any:
    """Import `cv2`; cheap after the first call.

    Raises:
        MissingExtraError: neither OpenCV build is installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError("OpenCV", "headless") from error
    return cv2
