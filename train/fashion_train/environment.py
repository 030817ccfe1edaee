"""What training needs of its environment."""

import os
from importlib.util import find_spec

from fashion_edge.errors import MissingExtraError

NEEDED = ("tensorflow", "keras", "sklearn", "matplotlib", "cv2")


def require_extra() -> None:
    """Quiet TensorFlow's start-up, and refuse in one sentence where the extra is not installed.

    Raises:
        MissingExtraError: a library of the extra `train` is missing.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    if any(find_spec(name) is None for name in NEEDED):
        raise MissingExtraError("fashion-train", "train")
