"""Labels and groups as a user names them on the command line."""

import io
import os
import pickle
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.bundle import is_word
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


PICKLES = (".pickle", ".pkl", ".pck")


def parse_labels(text: str) -> tuple[str, ...]:
    """Labels of `a,b,c`, or of a pickled binarizer's file.

    Raises:
        UsageError: an empty, odd or repeated label, a pickle that is refused, or another file.
    """
    if "," not in text and not text.endswith(PICKLES) and os.path.isfile(text):  # noqa: PTH113  # a long text is none
        raise UsageError(
            f"--labels {text} is a file, but none of {', '.join(PICKLES)}; name the labels themselves in output order: "
            "--labels black,blue,dress"
        )
    labels = read_classes(Path(text)) if text.endswith(PICKLES) else tuple(word.strip() for word in text.split(","))
    if not all(labels) or len(set(labels)) != len(labels):
        raise UsageError(f"--labels {text!r} must be different words with commas between: --labels black,blue,dress")
    _check_words("--labels", labels)
    return labels


def parse_groups(texts: Sequence[str], labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Groups of `name=a,b`.

    Raises:
        UsageError: not of that form, a label that --labels does not name, or one in two groups.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for text in texts:
        name, _, members = text.partition("=")
        if name in groups:
            raise UsageError(f"--group names {name!r} twice; list all its labels at once: {name}=red,blue,green")
        groups[name] = tuple(word.strip() for word in members.split(","))
        taken = [label for group in groups.values() for label in group]
        if not name or not all(label in labels for label in groups[name]) or len(set(taken)) != len(taken):
            raise UsageError(f"--group {text!r} must be like colour=red,blue, of --labels, each label in one group")
    _check_words("--group", groups)
    return groups


def _check_words(flag: str, words: Iterable[str]) -> None:
    """Refuse now what the finished bundle would be refused for."""
    if odd := next((word for word in words if not is_word(word)), None):
        raise UsageError(f"{flag} has {odd!r:.60}, which no bundle can carry: call it by 1 to 255 printable characters")
