"""JSON files from elsewhere, read into `msgspec` structs: bounded in size, checked against their types."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")


def read_json(path: Path, kind: type[T], most_bytes: int, make_error: Callable[[str], Exception]) -> T:
    """Read a JSON file as a value of type `kind`.

    Args:
        path: the file.
        kind: a `msgspec.Struct`, a dataclass, or any other type that msgspec decodes.
        most_bytes: largest size that is read.
        make_error: builds the exception from a sentence without a full stop, such as `BundleError`.

    Returns:
        The decoded value; keys that `kind` does not have are ignored.

    Raises:
        Exception: what `make_error` returns, where the file is missing, too large, not JSON, or of another type.

    Example:
        >>> profile = read_json(Path("profile.json"), Profile, 64 << 10, UsageError)
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise make_error(f"{path} cannot be read ({error.strerror})") from error
    if len(data) > most_bytes:
        raise make_error(f"{path} is larger than {most_bytes >> 10} KB, which no such file is")
    return decode_json(data, kind, str(path), make_error)


def decode_json(data: bytes, kind: type[T], name: str, make_error: Callable[[str], Exception]) -> T:
    """Decode JSON text as a value of type `kind`; `name` is what messages call it. See `read_json`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise make_error(f"{name}: {describe(error)}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise make_error(f"{name} is not valid JSON ({error})") from error


def describe(error: msgspec.ValidationError) -> str:
    """`input.height: expected int, got str` from msgspec's words."""
    text, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$").lstrip(".")
    text = text.replace("`", "")
    return f"{place}: {text[:1].lower()}{text[1:]}" if place else text
