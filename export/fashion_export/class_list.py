"""Labels of an external model: words on the command line, or the pickled label binarizer of a tutorial."""

import io
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.bundle import is_word
from fashion_edge.errors import UsageError

MAX_BYTES = 1 << 20  # a class list has some hundred bytes
BINARIZERS = ("MultiLabelBinarizer", "LabelBinarizer")
PICKLES = (".pickle", ".pkl", ".pck")
INSTEAD = "name the labels themselves: --labels a,b"


def parse_labels(text: str) -> tuple[str, ...]:
    """Labels of `a,b,c`, or of a pickled binarizer's file."""
    if "," not in text and not text.endswith(PICKLES) and os.path.isfile(text):  # noqa: PTH113  # Path.is_file fails on a long text
        instead = "name the labels themselves in output order: --labels black,blue,dress"
        raise UsageError(f"--labels {text} is a file, but none of {', '.join(PICKLES)}; {instead}")
    labels = read_classes(Path(text)) if text.endswith(PICKLES) else tuple(word.strip() for word in text.split(","))
    if not all(labels) or len(set(labels)) != len(labels):
        form = "different words with commas between: --labels black,blue,dress"
        raise UsageError(f"--labels {text!r:.80} must be {form}")
    if invalid := next((word for word in labels if not is_word(word)), None):
        raise UsageError(f"--labels: {invalid!r:.60} is not valid in a bundle; use 1 to 255 printable characters")
    return labels


def read_classes(path: Path) -> tuple[str, ...]:
    """The labels of a pickled binarizer or list of strings, in output order."""
    if not path.is_file():
        fix = "name the pickled label binarizer, or the labels themselves: --labels a,b"
        raise UsageError(f"{path} does not exist; {fix}")
    if path.stat().st_size > MAX_BYTES:
        raise UsageError(f"{path} is larger than {MAX_BYTES >> 20} MB, which no class list is")
    try:
        found = _Reader(io.BytesIO(path.read_bytes())).load()
    except UsageError as error:
        raise UsageError(f"{path} is refused: {error}; {INSTEAD}") from error
    except Exception as error:  # a damaged pickle raises nearly anything
        raise UsageError(f"{path} is not a readable pickle ({error}); {INSTEAD}") from error
    classes = found.state.get("classes_") if isinstance(found, Binarizer) and isinstance(found.state, dict) else found
    if isinstance(classes, np.ndarray) and classes.ndim == 1 and classes.size <= MAX_BYTES:  # it may claim any length
        classes = classes.tolist()
    if not isinstance(classes, list | tuple) or not classes or not all(isinstance(name, str) for name in classes):
        raise UsageError(f"{path} holds no list of labels; {INSTEAD}")
    return tuple(classes)


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


def _scalar(dtype: Any, data: Any = None) -> Any:
    """A NumPy scalar of a plain type."""
    kind = np.dtype(dtype)
    return data if kind.hasobject else np.frombuffer(data, kind)[0]


def _frombuffer(data: Any, dtype: Any, shape: Any, order: Any) -> Any:
    """An array as protocol 5 writes it; `np.frombuffer` itself refuses types that hold objects."""
    return np.frombuffer(data, np.dtype(dtype)).reshape(shape, order=order)


def _encode(text: str, encoding: str) -> bytes:
    """Bytes as protocol 2 writes them."""
    if encoding not in ("latin1", "latin-1"):
        raise UsageError(f"it needs the codec {encoding!r}, which no class list does")
    return text.encode("latin1")


KNOWN: dict[tuple[str, str], Any] = {
    **{(f"numpy.{core}.multiarray", "_reconstruct"): _reconstruct for core in ("core", "_core")},
    **{(f"numpy.{core}.multiarray", "scalar"): _scalar for core in ("core", "_core")},
    **{(f"numpy.{core}.numeric", "_frombuffer"): _frombuffer for core in ("core", "_core")},
    **{(module, "_reconstructor"): _new for module in ("copyreg", "copy_reg")},
    **{(module, "object"): object for module in ("builtins", "__builtin__")},
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("_codecs", "encode"): _encode,
}


class _Reader(pickle.Unpickler):
    """An unpickler that resolves the names in `KNOWN` only."""

    def find_class(self, module: str, name: str) -> Any:
        """The stand-in for a name; raises `UsageError` for any that a class list does not need."""
        if module.startswith("sklearn.") and name in BINARIZERS:
            return Binarizer
        if (module, name) not in KNOWN:
            raise UsageError(f"it needs {module}.{name}, which no class list does")
        return KNOWN[module, name]
