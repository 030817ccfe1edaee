"""Atomic outputs: written under a hidden name in the same folder and renamed when complete, so no output is partial.

What is renamed is on the disk first (fsync). A hidden file or folder is locked while its writer lives; the system
releases the lock of a process that was killed. The next output in that folder removes what was left, and says so. A
process number in the name would not do: numbers are used again, in containers at once, and on a network share they
belong to another machine.
"""

import errno
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain, count
from pathlib import Path
from secrets import token_hex

from fashion_edge.console import say
from fashion_edge.errors import OutputExistsError, UsageError

HINT = "name another, or allow overwriting (--overwrite, overwrite=True)"
HIDDEN = re.compile(r"\.(?P<stem>.+)\.(?P<kind>part|old)-([0-9a-f]{8}|\d+)(?P<suffix>\.\w+)?")


def is_free(path: Path) -> bool:
    """Whether there is nothing to overwrite: no such path, or a folder that is empty but for leftovers."""
    return not path.exists() or (path.is_dir() and all(HIDDEN.fullmatch(entry.name) for entry in path.iterdir()))


def refuse_existing(path: Path, *, overwrite: bool, hint: str = HINT) -> None:
    """Raise `OutputExistsError` if an output exists and must not be overwritten; an empty folder does not count."""
    if not (overwrite or is_free(path)):
        raise OutputExistsError(f"{path} exists already; {hint}")


def refuse_existing_folder(path: Path, *, marker: str, overwrite: bool) -> None:
    """Raise `OutputExistsError` or `UsageError` if `path` is something that `atomic_folder` does not replace."""
    if path.is_mount():
        inside = path / "new"
        raise UsageError(f"{path} is a mount point, which cannot be replaced; name a folder in it, such as {inside}")
    replaceable, hint = (path / marker).is_file(), HINT
    if not replaceable:
        reason = f"it has no {marker}" if path.is_dir() else "it is not a folder"
        hint = f"name another: {reason}, so --overwrite does not touch it, nor does overwrite=True"
    refuse_existing(path, overwrite=overwrite and replaceable, hint=hint)


def is_device(path: Path) -> bool:
    """Whether a path is a device or a pipe, such as /dev/stdout or /dev/null: it is written directly."""
    return path.is_char_device() or path.is_fifo()


def refuse_unwritable(output: str, place: Path, kind: str) -> None:
    """Raise `UsageError` if a file, or a new file in a folder, cannot be written; leaves nothing behind.

    Permissions do not tell: root passes them, but /proc and a read-only disk still refuse. The message begins with
    `output`, a flag and its value, and ends by asking for another `kind`: file, folder.
    """
    try:
        if place.is_file():
            place.open("ab").close()
        else:
            whole = place.absolute()
            tempfile.TemporaryFile(dir=next(path for path in (whole, *whole.parents) if path.exists())).close()
    except OSError as error:
        raise UsageError(f"{output} cannot be written: {error.strerror}; name another {kind}") from error


def refuse_unwritable_file(output: str, file: Path) -> None:
    """Raise `UsageError` if `atomic_file` could not create a file; `output` is as in `refuse_unwritable`."""
    if is_device(file):
        return
    if file.is_dir():
        raise UsageError(f"{output} is a folder; name a file")
    refuse_unwritable(output, file.resolve().parent, "place")


def take_free_name(part: Path, path: Path, why: str = "another program took that name meanwhile") -> Path:
    """Rename to `path`, or to a numbered name if that is taken, and say `why`; replaces nothing but an empty folder."""
    suffix = "" if part.is_dir() else path.suffix
    numbered = (path.with_name(f"{path.name.removesuffix(suffix)}-{number}{suffix}") for number in count(2))
    name = next(name for name in chain([path], numbered) if _rename(part, name))
    if name != path and why:
        say(f"{path}: {why}; the output is {name}")
    return name


def _rename(part: Path, path: Path) -> bool:
    """Rename a file or a folder; returns False, and changes nothing, if the name is taken."""
    try:
        if part.is_dir():
            with suppress(OSError):
                path.rmdir()  # succeeds only if it is empty; Windows does not rename to an existing folder
            part.rename(path)
        else:
            path.hardlink_to(part)  # fails if the name is taken, where a rename would replace the file
            part.unlink()
    except OSError:
        if path.exists():
            return False
        part.rename(path)  # no hard links, as on FAT
    return True


@contextmanager
def atomic_folder(
    path: Path, *, marker: str, overwrite: bool = False, named: Callable[[Path], object] = lambda _name: None
) -> Iterator[Path]:
    """Yield a hidden folder to write into; it is renamed to `path` when the block ends without error.

    With `overwrite` only a folder that contains the file `marker` is replaced, so no folder of photos is. Symbolic
    links are followed. If another program takes the name meanwhile, the output gets a numbered one; `named` is called
    at the end with the final name. Raises `OutputExistsError`, or `UsageError` if `path` cannot be written.
    """
    if path.resolve() == Path.cwd():
        raise UsageError(f"{path} is the working directory, which cannot be replaced; name a new folder")
    path = path.resolve() if path.is_symlink() else path
    refuse_existing_folder(path, marker=marker, overwrite=overwrite)
    _make_parent(path)
    clear_leftovers(path.parent)
    part = path.with_name(f".{path.name}.part-{token_hex(4)}")
    part.mkdir()
    try:
        with _locked(part):
            yield part
            for entry in (*part.rglob("*"), part):
                _sync(entry)
            replaces = overwrite and (path / marker).is_file()
            name = _replace_folder(part, path) if replaces else take_free_name(part, path)
            _sync(path.parent)
            named(name)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _replace_folder(part: Path, path: Path) -> Path:
    """Rename `part` to `path`; the old folder is deleted last."""
    old = path.with_name(f".{path.name}.old-{token_hex(4)}")
    with _locked(path):
        try:
            path.rename(old)
        except OSError:  # EBUSY: a mount point; EXDEV: a folder from a layer of a container image
            return take_free_name(part, path, "it cannot be replaced, as a mount point cannot")
        try:
            name = take_free_name(part, path)
        except OSError:
            old.rename(path)
            raise
        shutil.rmtree(old)
    return name


@contextmanager
def atomic_file(
    path: Path, *, overwrite: bool = False, suffix: str = "", named: Callable[[Path], object] = lambda _name: None
) -> Iterator[Path]:
    """Yield a hidden path to write; it is renamed to `path` when the block ends without error.

    It has the same suffix as `path`, or another `suffix`. Devices and pipes are yielded as they are. Symbolic links,
    taken names, `named` and errors are as for `atomic_folder`.
    """
    if is_device(path):
        yield path
        return
    refuse_existing(path, overwrite=overwrite)
    path = path.resolve() if path.is_symlink() else path
    _make_parent(path)
    part = path.with_name(f".{path.stem}.part-{token_hex(4)}{suffix or path.suffix}")
    clear_leftovers(path.parent, part.suffix)
    part.touch()
    with _locked(part):
        try:
            yield part
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        _sync(part)
        named(part.replace(path) if overwrite else take_free_name(part, path))
        _sync(path.parent)


def _make_parent(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise UsageError(f"cannot write to {path.parent}: {error.strerror}; name another folder") from error


def write_files(files: Mapping[Path, bytes]) -> None:
    """Write files whole, in this order, or none; without fsync, which can take an SD card tenths of a second."""
    parts = {file.with_name(f".new.part-{token_hex(4)}{file.suffix}"): file for file in files}  # names may be long
    with ExitStack() as stack:
        for part, file in parts.items():
            part.touch()
            stack.callback(part.unlink, missing_ok=True)
            stack.enter_context(_locked(part))
            part.write_bytes(files[file])
        for part, file in parts.items():
            part.replace(file)


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if path.is_file() and error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a file system that cannot
            raise


@contextmanager
def _locked(path: Path) -> Iterator[bool]:
    """Lock a file or a folder; gives False if another process has it, or where there are no locks."""
    descriptor = None
    try:
        import fcntl

        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)  # NFS locks what is open for writing
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        locked = True
    except (ImportError, OSError):
        locked = False
    try:
        yield locked
    finally:
        if descriptor is not None:
            os.close(descriptor)


def find_leftovers(folder: Path, *suffixes: str, deep: bool = False) -> Iterator[Path]:
    """Hidden files with one of these suffixes, or folders for "", whose writer was killed; each is locked meanwhile."""
    for path in sorted((folder.rglob if deep else folder.glob)(".*-*")):
        found = HIDDEN.fullmatch(path.name)
        if found and (found["suffix"] or "") in suffixes:
            with _locked(path) as dead:
                if dead:
                    yield path


def clear_leftovers(folder: Path, *suffixes: str, deep: bool = False) -> None:
    """Remove what killed runs left in a folder, or restore what they were about to replace; says so."""
    for path in find_leftovers(folder, *(suffixes or [""]), deep=deep):
        stem, _, kind = path.name[1:].rpartition(".")
        target = path.with_name(stem)
        try:
            if kind.startswith("old") and not target.exists():
                path.rename(target)
                say(f"restored {target}, which a run that was killed was about to replace")
                continue
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            say(f"removed {path}, which a run that was killed left unfinished")
        except OSError as error:
            say(f"{path}, which a run that was killed left unfinished, cannot be removed: {error.strerror}")
