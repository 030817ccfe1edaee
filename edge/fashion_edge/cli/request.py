"""Where outputs may go: all are looked at before the first is opened, so that a refused run leaves all as it was."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from fashion_edge.atomic import is_device, refuse_existing, refuse_unwritable
from fashion_edge.bundle import Bundle
from fashion_edge.decide import Smoothing
from fashion_edge.errors import SourceError, UsageError
from fashion_edge.frame import Roi
from fashion_edge.images import find_images
from fashion_edge.loading import Model, open_model
from fashion_edge.pipeline import Options
from fashion_edge.recording import FRAMES, HEADER, LINES, check_folder
from fashion_edge.sinks.jsonl import rotated
from fashion_edge.sinks.video import check_suffix
from fashion_edge.sources.base import FROZEN_S, CameraSettings, Source, parse_size
from fashion_edge.sources.factory import REPLAY


@dataclass(frozen=True)
class Request:
    """The flags of `fashion-edge`; None where one was not given."""

    source: str | None = None
    camera: int | None = None
    size: str | None = None
    fps: float | None = None
    awb: str | None = None
    frozen: float = FROZEN_S
    every_frame: bool = False
    frames: int | None = None
    seconds: float | None = None
    bundle: Path | None = None
    runtime: str | None = None
    precision: str | None = None
    threads: int | None = None
    roi: str | None = None
    smooth: float | None = None
    hysteresis: float | None = None
    dwell: float | None = None
    max_age_ms: float | None = None
    headless: bool = False
    jsonl: str | None = None
    events: str | None = None
    jsonl_limit: float | None = None
    record: Path | None = None
    save: Path | None = None
    overwrite: bool = False
    append: bool = False
    serve: str | None = None
    serve_origin: tuple[str, ...] = ()
    mqtt: str | None = None
    mqtt_name: str | None = None
    mqtt_user: str | None = None
    mqtt_password_file: Path | None = None
    mqtt_tls: bool = False
    capture: Path | None = None
    capture_margin: float = 0.15
    capture_limit: float = 200.0
    record_raw: Path | None = None
    raw_limit: float = 1000.0
    profile: Path | None = None
    diff: Path | None = None
    diff_limit: float = 0.0
    print_colour_card: Path | None = None
    colour_card: bool = False
    install_service: bool = False

    def source_text(self) -> str:
        """The one source that was named; the demo where none was."""
        if self.source is not None and self.camera is not None:
            raise UsageError(f"--source and --camera {self.camera} were both given; name one")
        return str(self.camera) if self.camera is not None else (self.source or "demo")

    def check(self) -> None:
        """Refuse flags that contradict each other.

        Raises:
            UsageError: names the flag.
        """
        if self.jsonl_limit is not None and {self.jsonl, self.events} <= {"-", None}:
            raise UsageError(
                f"--jsonl-limit {self.jsonl_limit:g} is for files, and standard output is none; "
                "give --jsonl or --events a file, or leave it out"
            )
        if self.append and self.overwrite:
            raise UsageError("--append and --overwrite were both given; files are either kept or replaced, name one")
        for flag, value in (("--runtime", self.runtime), ("--precision", self.precision)):
            if self.profile is not None and value is not None:
                raise UsageError(
                    f"--profile {self.profile} and {flag} {value} both say which variant runs; leave one of them out"
                )

    def camera_settings(self) -> CameraSettings:
        """Settings of a camera by the flags."""
        return CameraSettings(parse_size(self.size) if self.size else None, self.fps, self.awb, self.frozen)

    def options(self, defaults: Smoothing | None = None, roi: str = "auto") -> Options:
        """How frames are classified: by the flags, else by these defaults of a bundle or a recording."""
        flags = {"smooth_s": self.smooth, "hysteresis": self.hysteresis, "dwell_s": self.dwell}
        return Options(
            Roi.parse(self.roi or roi),
            replace(defaults or Smoothing(), **{name: value for name, value in flags.items() if value is not None}),
            max_age_s=self.max_age_ms / 1e3 if self.max_age_ms is not None else None,
            frames=self.frames,
            seconds=self.seconds,
        )

    def open_model(self) -> Model:
        """Load the model that the flags name."""
        return open_model(
            self.bundle,
            runtime=self.runtime,
            precision=self.precision,
            threads=self.threads,
            profile=self.profile,
        )


def choose_options(request: Request, bundle: Bundle, source: Source) -> Options:
    """Take the flags; without them the settings of the recording that is replayed, or the defaults of the bundle.

    Raises:
        SourceError: the recording has an invalid region of interest.
        UsageError: a flag does not apply to this source.
    """
    _refuse_unused(request, source)
    if source.recording is None:
        return request.options(bundle.manifest.live)
    recorded = source.recording.header
    try:
        return request.options(recorded.live, recorded.roi)
    except UsageError as error:  # the flags were checked before
        file = source.recording.folder / HEADER
        raise SourceError(f"{file} has the invalid roi {recorded.roi!r:.60}; give one with --roi") from error


def _refuse_unused(request: Request, source: Source) -> None:
    """Refuse flags that would have no effect; 0 is accepted, since it turns off what is off anyway."""
    if request.max_age_ms is not None and source.prefetch:
        raise UsageError(
            f"--max-age-ms {request.max_age_ms:g} is for live frames, and {source.name} has none; leave it out"
        )
    over_time = {"--smooth": request.smooth, "--hysteresis": request.hysteresis, "--dwell": request.dwell}
    for flag, value in over_time.items():
        if value and source.still:
            raise UsageError(
                f"{flag} {value:g} is for frames that follow each other, and {source.name} has stills; leave it out"
            )


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
            refuse_unwritable(f"{flag} {path}", path, "file")
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
