"""Outputs written beside and renamed into place: what has its name is whole."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fashion_edge.console import say
from fashion_edge.errors import OutputExistsError, UsageError

TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR)  # a folder cannot have that name: a full one or a file has it
FIXED = (errno.EBUSY, errno.EXDEV)  # nor where a disk or volume is mounted, or a layer of an image holds it


def refuse_existing(path: Path, *, overwrite: bool, hint: str = "name another or add --overwrite") -> None:
    """Raise `OutputExistsError` where an output is there and overwriting was not asked for.

    An empty folder counts as not there.
    """
    if overwrite or not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    raise OutputExistsError(f"{path} exists already; {hint}")


def refuse_existing_folder(path: Path, *, marker: str, overwrite: bool) -> None:
    """Raise `OutputExistsError` where something is there that `atomic_folder` would not replace, or `UsageError`."""
    if path.is_mount():
        raise UsageError(
            f"{path} is where a disk or volume is mounted, which cannot be replaced; name a folder in it, such as "
            f"{path / 'new'}"
        )
    ours = (path / marker).is_file()
    hint = "name another or add --overwrite"
    if not ours and path.is_dir():
        hint = f"name another: it has no {marker}, so --overwrite does not touch it"
    elif not ours:
        hint = "name another: it is no folder, so --overwrite does not touch it"
    refuse_existing(path, overwrite=overwrite and ours, hint=hint)


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


def refuse_unwritable(output: str, place: Path, kind: str, probe: Callable[[Path], None] = probe_folder) -> None:
    """Raise `UsageError` where nothing can be written into a folder; `output` is a flag and what it was given.

    Args:
        output: of what it is said.
        place: the folder, or what `probe` takes.
        kind: what to name another of.
        probe: raises OSError where it cannot.
    """
    try:
        probe(place)
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}; name another {kind}") from error


def refuse_unwritable_file(output: str, file: Path) -> None:
    """Raise `UsageError` where a file cannot be written: its folder counts, where it is renamed into place."""
    if is_device(file):
        return
    if file.is_dir():
        raise UsageError(f"{output} is a folder; name a file")
    refuse_unwritable(output, file.resolve().parent, "place")


def take_free_name(part: Path, path: Path) -> Path:
    """Rename a file or folder to `path`, or where that is taken to a numbered name beside it; the name it has now.

    Nothing is ever replaced, not even what appears at the same moment; an empty folder counts as not there.
    """
    take = _take_folder if part.is_dir() else _take_file
    name, number = path, 1
    while not take(part, name):
        number += 1
        name = path.with_name(f"{path.name}-{number}" if part.is_dir() else f"{path.stem}-{number}{path.suffix}")
    return name


def _take_folder(part: Path, path: Path) -> bool:
    with suppress(OSError):
        path.rmdir()  # goes only where it is empty; Windows would not rename to it
    try:
        part.rename(path)
    except OSError as error:
        if error.errno == errno.EXDEV and not path.exists():  # some layers let no folder be renamed at all
            shutil.copytree(part, path)
            return True
        if not (error.errno in TAKEN or (error.errno in FIXED and path.exists())):
            raise
        return False
    return True


def _take_file(part: Path, path: Path) -> bool:
    try:
        path.hardlink_to(part)
    except FileExistsError:
        return False
    except OSError:  # no links, as on FAT: here alone another could still come between the look and the renaming
        if path.exists():
            return False
        part.rename(path)
    else:
        part.unlink()
    return True


def _take_free_name_and_say(part: Path, path: Path, why: str = "something else took that name meanwhile") -> Path:
    name = take_free_name(part, path)
    if name != path:
        say(f"{path}: {why}; what was to have it is {name}")
    return name


@contextmanager
def atomic_folder(
    path: Path, *, marker: str, overwrite: bool = False, named: Callable[[Path], object] = lambda _name: None
) -> Iterator[Path]:
    """Give a hidden sibling folder to write into; it takes the name `path` when the block ends without error.

    Only a folder that holds a file `marker`, one of the same kind, is ever replaced: nobody's photos are. A link is
    followed, and stays. Where something else took the name meanwhile, it gets a numbered one, which is said.

    Args:
        path: the folder.
        marker: a file that every folder of this kind holds.
        overwrite: whether one that is there may be replaced.
        named: called at the end with the name that it has then.

    Raises:
        OutputExistsError: `path` holds something and `overwrite` is false, or it holds something else.
        UsageError: the parent folder cannot be written, or `path` is the folder that the program runs in or a mount.
    """
    if path.resolve() == Path.cwd():
        raise UsageError(f"{path} is the folder that you are in, which cannot be replaced; name a new one")
    path = path.resolve() if path.is_symlink() else path
    refuse_existing_folder(path, marker=marker, overwrite=overwrite)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}.part-", dir=path.parent))
    except OSError as error:
        raise UsageError(f"cannot write to {path.parent}: {error.strerror}; name another folder") from error
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        if overwrite and (path / marker).is_file():
            named(_swap_in(part, path))
        else:
            named(_take_free_name_and_say(part, path))
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def atomic_file(path: Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Give a hidden sibling file name, of the same suffix, to write; renamed to `path` when the block ends well.

    A link is followed, and stays. A device or a pipe is written itself: it is given as it is. Where something else took
    the name meanwhile and `overwrite` is false, it gets a numbered one, which is said.

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
        if overwrite:
            part.replace(path)
        else:
            _take_free_name_and_say(part, path)
    finally:
        part.unlink(missing_ok=True)


def _swap_in(part: Path, path: Path) -> Path:
    """Rename `part` to `path`; the folder that was there goes only once the new one stands."""
    old = path.with_name(f".{path.name}.old-{os.getpid()}")
    try:
        path.rename(old)
    except OSError as error:
        if error.errno not in FIXED:
            raise
        return _take_free_name_and_say(part, path, "it cannot be replaced, as a mount or a layer of an image cannot")
    try:
        name = _take_free_name_and_say(part, path)
    except OSError:
        old.rename(path)
        raise
    shutil.rmtree(old)
    return name


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
