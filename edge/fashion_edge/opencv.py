"""OpenCV, imported on first use, with the pip command as the error where it is missing."""

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
