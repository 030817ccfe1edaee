"""Where outputs may go: all are looked at before the first is opened, so that a refused run leaves all as it was."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path

from fashion_edge.atomic import is_device, probe_file, refuse_existing, refuse_unwritable
from fashion_edge.errors import UsageError
from fashion_edge.images import find_images
from fashion_edge.recording import FRAMES, HEADER, LINES
from fashion_edge.request import Request
from fashion_edge.sinks.jsonl import rotated
from fashion_edge.sinks.raw import check_folder
from fashion_edge.sinks.video import check_suffix
from fashion_edge.sources.choose import REPLAY


def check_destinations(request: Request) -> None:
    """Refuse outputs that cannot be begun, or that would replace what is not theirs.

    Raises:
        UsageError: an output that is the source or another output or stands in its way, a folder where a file belongs,
            or the reverse; a place that cannot be written.
        OutputExistsError: it is there already, and neither `--overwrite` nor `--append` was given.
    """
    if request.jsonl == request.events == "-":
        raise UsageError("--jsonl - and --events - both want standard output; give one of them a file")
    files = list(_files(request))
    _check_apart(files)
    for flag, path in files:
        _check_file(flag, path, request)
    wanted = {"--save": request.save, "--capture": request.capture, "--record-raw": request.record_raw}
    folders = [(flag, folder) for flag, folder in wanted.items() if folder is not None]
    for flag, folder in folders:
        _check_folder(flag, folder, request.source_text())
    if request.record_raw is not None:
        _check_recording(request.record_raw, request.source_text(), overwrite=request.overwrite)
    for flag, path in files:
        if not is_device(path):
            refuse_unwritable(f"{flag} {path}", path, "file", probe_file)
    for flag, folder in folders:
        refuse_unwritable(f"{flag} {folder}", folder, "folder")
    _check_ways(files, [*files, *folders])


def _files(request: Request) -> Iterator[tuple[str, Path]]:
    for flag, text in (("--jsonl", request.jsonl), ("--events", request.events)):
        if text is not None and text != "-":
            yield flag, Path(text)
            if request.jsonl_limit is not None and not is_device(Path(text)):
                yield f"{flag} with --jsonl-limit", rotated(Path(text))
    if request.record is not None:
        yield "--record", request.record


def _check_apart(files: Sequence[tuple[str, Path]]) -> None:
    """Two outputs in one file would break each other's lines."""
    for (one, path), (other, taken) in combinations(files, 2):
        same = path.samefile(taken) if path.exists() and taken.exists() else path.resolve() == taken.resolve()
        if same and not is_device(path):
            raise UsageError(f"{one} and {other} both name {taken}; give each a file of its own")


def _check_ways(files: Sequence[tuple[str, Path]], outputs: Sequence[tuple[str, Path]]) -> None:
    """A file stands in the way of what would be a folder of the same name, or lie in one."""
    for one, path in files:
        for other, place in outputs:
            if other != one and not is_device(path) and place.resolve().is_relative_to(path.resolve()):
                raise UsageError(
                    f"{one} {path} is a file, and {other} {place} needs a folder of that name; name another for one"
                )


def _check_file(flag: str, path: Path, request: Request) -> None:
    if path.is_dir():
        raise UsageError(f"{flag} {path} is a folder; name a file, such as {path / _example(flag)}")
    _refuse_source(flag, path, request.source_text())
    _refuse_recording(flag, path, request.record_raw)
    if flag == "--record":
        check_suffix(path)
    if not (is_device(path) or (request.append and flag != "--record")):
        refuse_existing(path, overwrite=request.overwrite)


def _example(flag: str) -> str:
    return "annotated.mp4" if flag == "--record" else "labels.jsonl"


def _refuse_source(flag: str, path: Path, source: str) -> None:
    if path.exists() and any(path.samefile(file) for file in _source_files(source) if file.exists()):
        raise UsageError(f"{flag} {path} is the source itself, or a part of it; name another file")


def _refuse_recording(flag: str, path: Path, begun: Path | None) -> None:
    """A line among those of a recording would spoil it, whether it is begun now or was made before."""
    inside = begun is not None and path.resolve().is_relative_to(begun.resolve())
    if inside or (path.name in (HEADER, LINES) and (path.parent / HEADER).is_file()):
        raise UsageError(f"{flag} {path} would be part of a recording of raw frames; name a file elsewhere")


def _check_folder(flag: str, folder: Path, source: str) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{flag} {folder} is a file; name a folder")
    if Path(source).is_dir() and folder.resolve().is_relative_to(Path(source).resolve()):
        raise UsageError(
            f"{flag} {folder} lies in the source folder {source}, so the next run would label its pictures; "
            "name one elsewhere"
        )


def _source_files(source: str) -> Iterator[Path]:
    """Files that a source is read from."""
    if source.startswith(REPLAY):
        folder = Path(source.removeprefix(REPLAY))
        yield from (folder / HEADER, folder / LINES, *(folder / FRAMES).glob("*"))
    elif Path(source).is_dir():
        yield from find_images(Path(source), locked=True)
    else:
        yield Path(source)


def _check_recording(folder: Path, source: str, *, overwrite: bool) -> None:
    """Only a recording is ever replaced, and never the one that is read."""
    place = folder.resolve()
    if any(file.resolve().is_relative_to(place) for file in _source_files(source) if file.exists()):
        raise UsageError(f"--record-raw {folder} is the recording that is read; name another folder")
    check_folder(folder, overwrite=overwrite)
