"""Classify clothes in photos, arrays and live video: colour and garment at once.

Example:
    >>> from fashion_edge import Classifier
    >>> classifier = Classifier.load("shipped")
    >>> classifier.groups["colour"]
    ('black', 'blue', 'red')

Names are imported on first use, so that `import fashion_edge` is quick and loads neither NumPy nor OpenCV.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashion_edge import errors
    from fashion_edge.classifier import Classifier
    from fashion_edge.decide import Decision
    from fashion_edge.errors import (
        BundleError,
        DatasetError,
        FashionError,
        GateError,
        ImageError,
        MissingExtraError,
        ModelError,
        NewerBundleError,
        OutputExistsError,
        RunError,
        ScoreError,
        SourceError,
        UsageError,
    )
    from fashion_edge.frame import Frame
    from fashion_edge.result import Result

__version__ = "0.2.0"
__all__ = [  # noqa: RUF022  # the order of the reference
    "Classifier",
    "Result",
    "Decision",
    "Frame",
    "FashionError",
    "BundleError",
    "DatasetError",
    "GateError",
    "ImageError",
    "MissingExtraError",
    "ModelError",
    "NewerBundleError",
    "OutputExistsError",
    "RunError",
    "ScoreError",
    "SourceError",
    "UsageError",
    "errors",
    "__version__",
]
_MODULES = {"Classifier": "classifier", "Decision": "decide", "Frame": "frame", "Result": "result"}


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(f"{__name__}.{_MODULES.get(name, 'errors')}")
    value = module if name == "errors" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
