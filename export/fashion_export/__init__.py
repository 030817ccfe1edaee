"""Export a trained run, or any small Keras classifier, to a bundle of TFLite and ONNX files that agree with it.

Example:
    >>> from fashion_export import export
    >>> bundle = export("runs/first", "bundles/first")
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashion_export.exporting import ExportedBundle, export

__all__ = ["ExportedBundle", "export"]


def __getattr__(name: str) -> Any:
    """Import the public names on first use, since the converters take seconds to load."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fashion_export import exporting

    return getattr(exporting, name)
