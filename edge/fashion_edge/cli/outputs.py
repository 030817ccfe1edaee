"""The outputs of a run: checks before the first one is opened, and the sinks that write them."""

import os
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

from fashion_edge.atomic import is_device, refuse_existing, refuse_unwritable
from fashion_edge.cli.request import Request
from fashion_edge.decide import LabelSpace
from fashion_edge.errors import UsageError
from fashion_edge.images import find_images
from fashion_edge.loading import Model
from fashion_edge.pipeline import Options
from fashion_edge.recording import FRAMES, HEADER, LINES, Header, RawSink, Recording, check_folder
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.jsonl import JsonlSink, rotated
from fashion_edge.sinks.monitors import NOTIFY_SOCKET, MonochromeCheck, NotifySink, ReplayCheck
from fashion_edge.sinks.text import TextSink, make_progress_sink
from fashion_edge.sinks.video import VideoSink, check_suffix
from fashion_edge.sources import Source
from fashion_edge.sources.factory import REPLAY

if TYPE_CHECKING:
    from fashion_edge.sinks.mqtt import Broker
    from fashion_edge.web import Address, Origin


def check_destinations(request: Request) -> None:
    """Refuse outputs that cannot be written, or that would replace other files."""
    if request.jsonl == request.events == "-":
        raise UsageError("--jsonl - and --events - both write to standard output; give one of them a file")
    files, source = list(_files(request)), request.source_text()
    wanted = {"--save": request.save, "--capture": request.capture, "--record-raw": request.record_raw}
    folders = [(flag, folder) for flag, folder in wanted.items() if folder is not None]
    _check_apart(files)
    for flag, path in files:
        _check_file(flag, path, request, source)
    for flag, folder in folders:
        _check_folder(flag, folder, source, overwrite=request.overwrite)
    _check_parents(files, [*files, *folders])


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


def _check_parents(files: Sequence[tuple[str, Path]], outputs: Sequence[tuple[str, Path]]) -> None:
    """Refuse a file with the name of a folder that another output needs."""
    for one, path in files:
        for other, place in outputs:
            if other != one and not is_device(path) and place.resolve().is_relative_to(path.resolve()):
                raise UsageError(
                    f"{one} {path} is a file, and {other} {place} needs a folder of that name; name another for one"
                )


def _check_file(flag: str, path: Path, request: Request, source: str) -> None:
    if path.is_dir():
        example = path / ("annotated.mp4" if flag == "--record" else "labels.jsonl")
        raise UsageError(f"{flag} {path} is a folder; name a file, such as {example}")
    if path.exists() and any(path.samefile(file) for file in _source_files(source) if file.exists()):
        raise UsageError(f"{flag} {path} is the source itself, or a part of it; name another file")
    inside = request.record_raw is not None and path.resolve().is_relative_to(request.record_raw.resolve())
    if inside or (path.name in (HEADER, LINES) and (path.parent / HEADER).is_file()):
        raise UsageError(f"{flag} {path} would be part of a recording of raw frames; name a file elsewhere")
    if flag == "--record":
        check_suffix(path)
    if is_device(path):
        return
    if flag == "--record" or not request.append:
        refuse_existing(path, overwrite=request.overwrite)
    refuse_unwritable(f"{flag} {path}", path, "file")


def _check_folder(flag: str, folder: Path, source: str, *, overwrite: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{flag} {folder} is a file; name a folder")
    place = folder.resolve()
    if Path(source).is_dir() and place.is_relative_to(Path(source).resolve()):
        raise UsageError(
            f"{flag} {folder} lies in the source folder {source}, so the next run would label its pictures; "
            "name one elsewhere"
        )
    if flag == "--record-raw":
        if any(file.resolve().is_relative_to(place) for file in _source_files(source) if file.exists()):
            raise UsageError(f"--record-raw {folder} is the recording that is replayed; name another folder")
        check_folder(folder, overwrite=overwrite)
    refuse_unwritable(f"{flag} {folder}", folder, "folder")


def _source_files(source: str) -> Iterator[Path]:
    """Files that a source is read from."""
    if source.startswith(REPLAY):
        folder = Path(source.removeprefix(REPLAY))
        yield from (folder / HEADER, folder / LINES, *(folder / FRAMES).glob("*"))
    elif Path(source).is_dir():
        yield from find_images(Path(source), locked=True)
    else:
        yield Path(source)


def keep_sinks(request: Request, model: Model, source: Source, options: Options) -> Iterator[Sink]:
    """Make the sinks that need frames before they are annotated, and the check of a replay."""
    header = make_header(model, source, options)
    check = _make_check(source.recording, header) if source.recording else None  # before an output is opened
    if request.capture:
        from fashion_edge.sinks.collect import CollectSink

        margin, limit = request.capture_margin, request.capture_limit
        yield CollectSink(request.capture, model.bundle.manifest.space, margin, limit, still=source.still)
    if source.live:
        yield MonochromeCheck()
    if os.environ.get(NOTIFY_SOCKET):
        yield NotifySink()
    if request.record_raw:
        yield RawSink(request.record_raw, header, request.raw_limit, overwrite=request.overwrite)
    if check:
        yield check


def _make_check(recording: Recording, header: Header) -> ReplayCheck:
    was = recording.header
    same = (was.model, was.runtime, was.roi, was.live) == (header.model, header.runtime, header.roi, header.live)
    lines = {line.frame: line for line in recording.lines() if not line.event}
    return ReplayCheck(lines, same_model=same)


def make_header(model: Model, source: Source, options: Options) -> Header:
    """Return the conditions of this run, for its recording."""
    return Header(
        source=source.name,
        still=source.still,
        fps=source.fps,
        model=model.variant.sha256,
        runtime=model.backend.name,
        roi=options.roi.text,
        live=options.smoothing,
        from_file=source.recording.header.from_file if source.recording else not source.live,
    )


def network_sinks(request: Request, space: LabelSpace, source: Source) -> Iterator[Sink]:
    """Make the sinks of `--serve` and `--mqtt`; each is made after the one before was entered."""
    address, origins, broker = parse_network(request)
    if address is not None:
        from fashion_edge.web import WebSink

        yield WebSink(address, space, source.name, source.describe(), origins=origins)
    if broker is not None:
        from fashion_edge.sinks.mqtt import MqttSink

        yield MqttSink(broker, space, name=request.mqtt_name)


def parse_network(request: Request) -> "tuple[Address | None, tuple[Origin, ...], Broker | None]":
    """Read the addresses of `--serve`, `--serve-origin` and `--mqtt`, without opening or connecting anything."""
    address: Address | None = None
    origins: tuple[Origin, ...] = ()
    broker: Broker | None = None
    if request.serve is not None:
        from fashion_edge import web

        address, origins = web.Address.parse(request.serve), tuple(map(web.Origin.parse, request.serve_origin))
    if request.mqtt is not None:
        from fashion_edge.sinks import mqtt

        password = request.mqtt_password_file
        broker = mqtt.Broker.parse(request.mqtt, user=request.mqtt_user, password_file=password, tls=request.mqtt_tls)
    return address, origins, broker


def make_sinks(request: Request, source: Source, *, watched: bool) -> Iterator[Sink]:
    """Make the other sinks, in the order in which they get a frame; each is entered before the next is made."""
    windowed = watched and not source.still
    a_line_each = sys.stdout.isatty() and (source.still or request.jsonl == "-")  # which shows the progress
    if not (windowed or a_line_each) and (progress := make_progress_sink(source, request.frames)) is not None:
        yield progress
    yield TextSink(still=source.still, quiet="-" in (request.jsonl, request.events))
    make_lines = partial(JsonlSink, overwrite=request.overwrite, append=request.append, limit_mb=request.jsonl_limit)
    if request.jsonl:
        yield make_lines(request.jsonl)
    if request.events:
        yield make_lines(request.events, changes=True)
    if request.record:
        yield VideoSink(
            request.record, source.fps, still=source.still, replayed=_is_stream(source), overwrite=request.overwrite
        )
    if request.save:
        from fashion_edge.sinks.stills import StillsSink

        root = Path(source.name) if source.still and Path(source.name).is_dir() else None
        yield StillsSink(request.save, still=source.still, root=root)
    if windowed:
        from fashion_edge.sinks.window import WindowSink

        yield WindowSink(source.fps, replayed=_is_stream(source))


def _is_stream(source: Source) -> bool:
    """Return whether it replays a camera or a stream, which may have been faster than its nominal rate."""
    return source.recording is not None and not source.recording.header.from_file
