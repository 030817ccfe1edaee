"""Outputs written beside and renamed into place: what has its name is whole."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fashion_edge.errors import OutputExistsError, UsageError


def refuse_existing(path: Path, *, overwrite: bool, hint: str = "name another or add --overwrite") -> None:
    """Raise `OutputExistsError` where an output is there and overwriting was not asked for.

    An empty folder counts as not there.
    """
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise OutputExistsError(f"{path} exists already; {hint}")


def is_device(path: Path) -> bool:
    """Whether writing to it replaces nothing: /dev/null, a pipe."""
    return path.is_char_device() or path.is_fifo()


def probe_file(path: Path) -> None:
    """See that a file can be written, changing nothing.

    Raises:
        OSError: it cannot; says why.
    """
    if path.is_file():
        path.open("ab").close()
    else:
        probe_folder(path.parent)


def probe_folder(folder: Path) -> None:
    """See that files can be made in a folder, or in what there is of its path; leaves nothing behind.

    Permissions are not asked but tried: root may write anywhere, and yet not in /proc or on a disk that is read-only.

    Raises:
        OSError: they cannot; says why.
    """
    whole = folder.absolute()
    with tempfile.TemporaryFile(dir=next(place for place in (whole, *whole.parents) if place.exists())):
        pass


def _hint(path: Path, marker: str) -> str:
    if (path / marker).is_file():
        return "name another or add --overwrite"
    return f"name another: it has no {marker}, so --overwrite does not touch it"


@contextmanager
def atomic_folder(path: Path, *, marker: str, overwrite: bool = False) -> Iterator[Path]:
    """Give a hidden sibling folder to write into; it takes the name `path` when the block ends without error.

    Only a folder that holds a file `marker`, one of the same kind, is ever replaced: nobody's photos are. A link is
    followed, and stays.

    Raises:
        OutputExistsError: `path` holds something and `overwrite` is false, or it holds something else.
        UsageError: the parent folder cannot be written, or `path` is the folder that the program runs in.
    """
    if path.resolve() == Path.cwd():
        raise UsageError(f"{path} is the folder that you are in, which cannot be replaced; name a new one")
    path = path.resolve() if path.is_symlink() else path
    refuse_existing(path, overwrite=overwrite and (path / marker).is_file(), hint=_hint(path, marker))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.part-", dir=path.parent))
    except OSError as error:
        raise UsageError(f"cannot write to {path.parent}: {error.strerror}; name another folder") from error
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        _swap_in(part, path)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a hidden sibling file name, of the same suffix, to write; renamed to `path` when the block ends well.

    A link is followed, and stays. A device or a pipe is written itself: it is given as it is.

    Raises:
        OutputExistsError: `path` exists and `overwrite` is false.
        UsageError: the parent folder cannot be written.
    """
    if is_device(path):
        yield path
        return
    refuse_existing(path, overwrite=overwrite)
    path = path.resolve() if path.is_symlink() else path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot write to {path.parent}: {error.strerror}; name another folder") from error
    part = path.with_name(f".{path.stem}.part-{os.getpid()}{path.suffix}")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _swap_in(part: Path, path: Path) -> None:
    """Rename `part` to `path`; what was there goes only once the new one stands."""
    if not path.exists():
        part.rename(path)
        return
    old = path.with_name(f".{path.name}.old-{os.getpid()}")
    path.rename(old)
    try:
        part.rename(path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old) if old.is_dir() else old.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
