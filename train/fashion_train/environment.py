"""What training needs of its environment."""

import os
from importlib.util import find_spec

from fashion_edge.errors import MissingExtraError
from fashion_edge.hush import hush

NEEDED = ("tensorflow", "keras", "sklearn", "matplotlib", "cv2")


def require_extra() -> None:
    """Refuse in one sentence where the extra is not installed.

    Raises:
        MissingExtraError: a library of the extra `train` is missing.
    """
    for module in NEEDED:
        if find_spec(module) is None:
            raise MissingExtraError(f"{module}, which fashion-train needs,", "train")


def load_tensorflow(*, debug: bool = False) -> None:
    """Import TensorFlow, which takes seconds, without its chatter."""
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    with hush(enabled=not debug):
        import tensorflow as tf

        tf.config.list_physical_devices()  # looks for a GPU now, and complains now where there is none
