"""The class list of a pickled label binarizer, read without running what a pickle may run.

A pickle is a program. This reader lets it build strings, numbers, containers and numpy arrays, and one inert stand-in
for scikit-learn's LabelBinarizer and MultiLabelBinarizer; every other name is refused before it is looked up.
"""

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.errors import UsageError

MAX_BYTES = 1 << 20  # a class list has some hundred bytes
BINARIZERS = ("MultiLabelBinarizer", "LabelBinarizer")


class Binarizer:
    """Holds the attributes of a pickled binarizer and does nothing."""

    state: Any = None  # of one that was pickled without any

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Keep the attributes."""
        self.state = state


def _reconstruct(_kind: Any, shape: Any, _code: Any) -> Any:
    """An empty array; its contents follow as state."""
    return np.empty(shape, "b")


def _new(_kind: Any, *_: Any) -> Binarizer:
    """What `copyreg` does for old protocols."""
    return Binarizer()


class _Reader(pickle.Unpickler):
    """An unpickler that knows a handful of names."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name.

        Raises:
            UsageError: any name that a class list does not need.
        """
        if module.startswith("sklearn.") and name in BINARIZERS:
            return Binarizer
        if module in ("numpy.core.multiarray", "numpy._core.multiarray"):
            if name == "_reconstruct":
                return _reconstruct
            if name == "scalar":
                return _scalar
        known: dict[tuple[str, str], Any] = {
            ("numpy.core.numeric", "_frombuffer"): _frombuffer,
            ("numpy._core.numeric", "_frombuffer"): _frombuffer,
            ("numpy", "ndarray"): np.ndarray,
            ("numpy", "dtype"): np.dtype,
            ("copyreg", "_reconstructor"): _new,
            ("copy_reg", "_reconstructor"): _new,
            ("builtins", "object"): object,
            ("__builtin__", "object"): object,
            ("_codecs", "encode"): _encode,
        }
        if (module, name) not in known:
            raise UsageError(f"it asks for {module}.{name}, which no class list needs")
        return known[module, name]


def _scalar(dtype: Any, data: Any = None) -> Any:
    """A numpy scalar of a plain type."""
    kind = np.dtype(dtype)
    return data if kind.hasobject else np.frombuffer(data, kind)[0]


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """An array as protocol 5 spells it; `np.frombuffer` itself refuses types that hold objects."""
    return np.frombuffer(data, np.dtype(dtype)).reshape(shape, order=order)


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as protocol 2 spells them."""
    if encoding not in ("latin1", "latin-1"):
        raise UsageError(f"it asks for the codec {encoding!r}, which no class list needs")
    return text.encode("latin1")


def read_classes(path: Path) -> tuple[str, ...]:
    """The labels of a pickled binarizer or list of strings, in output order.

    Raises:
        UsageError: missing, too large, no class list, or a pickle that asks for anything else.
    """
    if not path.is_file():
        raise UsageError(
            f"{path} does not exist; name the pickled label binarizer, or the labels themselves: --labels a,b"
        )
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MB, which no class list is")
    try:
        found = _Reader(io.BytesIO(path.read_bytes())).load()
    except UsageError as error:
        raise UsageError(f"{path} is refused: {error}; name the labels themselves: --labels a,b") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UsageError(
            f"{path} is not a readable pickle ({error}); name the labels themselves: --labels a,b"
        ) from error
    classes = found.state.get("classes_") if isinstance(found, Binarizer) and isinstance(found.state, dict) else found
    if isinstance(classes, np.ndarray) and classes.ndim == 1 and classes.size <= MAX_BYTES:  # it may claim any length
        classes = classes.tolist()
    if not isinstance(classes, list | tuple) or not classes or not all(isinstance(name, str) for name in classes):
        raise UsageError(f"{path} holds no list of labels; name the labels themselves: --labels a,b")
    return tuple(classes)
