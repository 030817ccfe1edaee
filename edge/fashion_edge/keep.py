"""Sinks that see frames before anything is drawn: captures, recordings, the watch for grey; the check of a replay."""

from collections.abc import Iterator

from fashion_edge.bundle import Bundle, LiveDefaults
from fashion_edge.choice import Model
from fashion_edge.errors import SourceError, UsageError
from fashion_edge.pipeline import Options
from fashion_edge.recording import HEADER, Header, read_lines
from fashion_edge.request import Request
from fashion_edge.service import Notifier
from fashion_edge.sinks.base import Sink
from fashion_edge.sinks.check import ReplayCheck
from fashion_edge.sources import Source
from fashion_edge.sources.replay import ReplaySource


def keep_sinks(request: Request, model: Model, source: Source, options: Options) -> Iterator[Sink]:
    """Sinks that want frames before anything is drawn on them, and the check of a replay.

    Raises:
        SourceError: the recording that is replayed is damaged; nothing is begun.
    """
    header = make_header(model, source, options)
    check = _make_check(source, header) if isinstance(source, ReplaySource) else None  # before an output is begun
    if request.capture:
        from fashion_edge.sinks.capture import CaptureSink

        margin, limit = request.capture_margin, request.capture_limit
        yield CaptureSink(request.capture, model.bundle.manifest.space, margin, limit, still=source.still)
    if source.live:
        from fashion_edge.sinks.grey import GreyWatch

        yield GreyWatch()
    if (notifier := Notifier()).listens:
        from fashion_edge.sinks.notify import NotifySink

        yield NotifySink(notifier)
    if request.record_raw:
        from fashion_edge.sinks.raw import RawSink

        yield RawSink(request.record_raw, header, request.raw_limit, overwrite=request.overwrite)
    if check:
        yield check


def _make_check(source: ReplaySource, header: Header) -> ReplayCheck:
    was = source.header
    same = (was.model, was.runtime, was.roi, was.live) == (header.model, header.runtime, header.roi, header.live)
    lines = {line.frame: line for line in read_lines(source.folder) if not line.event}
    return ReplayCheck(was, lines, same_model=same)


def make_header(model: Model, source: Source, options: Options) -> Header:
    """Under what conditions this run decides."""
    live = LiveDefaults(options.smooth_s, options.hysteresis, options.dwell_s)
    return Header(
        source.name,
        source.still,
        source.fps,
        model.variant.sha256,
        model.backend.name,
        options.roi.text,
        live,
        from_file=source.header.from_file if isinstance(source, ReplaySource) else not source.live,
    )


def choose_options(request: Request, bundle: Bundle, source: Source) -> Options:
    """By the flags; else, for a replay, as it was recorded; else by the bundle's defaults.

    Raises:
        SourceError: the recording was made with a box that is none.
        UsageError: a flag asks for what the frames of this source cannot have.
    """
    _refuse_idle(request, source)
    if not isinstance(source, ReplaySource):
        return request.options(bundle.manifest.live)
    try:
        return request.options(source.header.live, source.header.roi)
    except UsageError as error:  # the flags have been looked at before
        raise SourceError(
            f"{source.folder / HEADER} has the roi {source.header.roi!r:.60}, which is no box; give one with --roi"
        ) from error


def _refuse_idle(request: Request, source: Source) -> None:
    """Refuse flags that would change nothing; a zero asks for what is so anyway."""
    if request.max_age_ms is not None and source.ahead:
        raise UsageError(
            f"--max-age-ms {request.max_age_ms:g} is for live frames, and {source.name} has none; leave it out"
        )
    over_time = {"--smooth": request.smooth, "--hysteresis": request.hysteresis, "--dwell": request.dwell}
    for flag, value in over_time.items():
        if value and source.still:
            raise UsageError(
                f"{flag} {value:g} is for frames that follow each other, and {source.name} has stills; leave it out"
            )
