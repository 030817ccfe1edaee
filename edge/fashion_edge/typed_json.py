"""JSON by `msgspec`: untrusted texts are bounded in size and checked against types; no NaN is written."""

from collections.abc import Callable
from operator import methodcaller
from pathlib import Path
from typing import TypeVar

import msgspec

T = TypeVar("T")
MakeError = Callable[[str], Exception]
ENCODER = msgspec.json.Encoder(enc_hook=methodcaller("tolist"))  # as fast as orjson: 1.1 us for a line


def encode_json(value: object, *, indent: int = 0) -> bytes:
    """Encode as JSON in UTF-8, on one line without `indent`; NumPy's numbers and arrays, too.

    NaN and infinity become null: JSON does not have the words that `json.dumps` writes, and browsers, Home Assistant
    and jq refuse the whole text.
    """
    data = ENCODER.encode(value)
    return msgspec.json.format(data, indent=indent) if indent else data


def read_json(path: Path, kind: type[T], most_bytes: int, make_error: MakeError) -> T:
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
    return decode_json(read_bounded(path, most_bytes, make_error), kind, str(path), make_error)


def read_bounded(path: Path, most_bytes: int, make_error: MakeError) -> bytes:
    """Read a file of at most `most_bytes` bytes; errors as in `read_json`."""
    if path.is_fifo() and path.parent != Path("/dev/fd"):  # but a shell's <(command)
        raise make_error(f"{path} is a pipe, not a file")
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise make_error(f"{path} cannot be read ({error.strerror})") from error
    if len(data) > most_bytes:
        raise make_error(f"{path} is larger than {most_bytes >> 10} KB, which is not expected of such a file")
    return data


def decode_json(data: bytes, kind: type[T], name: str, make_error: MakeError) -> T:
    """Decode JSON text as a value of type `kind`; `name` is its name in messages. See `read_json`."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise make_error(describe(error, name)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise make_error(f"{name} is not valid JSON ({error})".lstrip()) from error


def convert_json(value: object, kind: type[T], name: str, make_error: MakeError) -> T:
    """Check a decoded JSON value, and convert it to type `kind`. See `read_json`."""
    try:
        return msgspec.convert(value, type=kind)
    except msgspec.ValidationError as error:
        raise make_error(describe(error, name)) from error


def describe(error: msgspec.ValidationError, name: str = "") -> str:
    """Return `run.json: input.height: expected int, got str` for an error of msgspec."""
    text, _, place = str(error).partition(" - at ")
    place = place.strip("`").removeprefix("$").lstrip(".")
    text = text.replace("`", "")
    return ": ".join(part for part in (name, place, text[:1].lower() + text[1:]) if part)
