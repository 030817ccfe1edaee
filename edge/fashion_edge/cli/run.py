"""Puts a run of `fashion-edge` together: bundle, backend, source, sinks; then lets frames through."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from fashion_edge.cli.request import Request, check_destinations, choose_options
from fashion_edge.cli.signals import ended_by_signals
from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.golden import self_test_colours
from fashion_edge.loading import Model
from fashion_edge.opencv import cv2
from fashion_edge.overlay import read_fonts
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.readers import make_reader
from fashion_edge.recording import Header, RawSink, Recording
from fashion_edge.sinks.base import FanOut, Sink
from fashion_edge.sinks.monitors import NOTIFY_SOCKET, ReplayCheck
from fashion_edge.sinks.text import make_progress_sink
from fashion_edge.sources import Source, open_source

if TYPE_CHECKING:
    from fashion_edge.sinks.mqtt import Broker
    from fashion_edge.web import Address, Origin


def keep_sinks(request: Request, model: Model, source: Source, options: Options) -> Iterator[Sink]:
    """Sinks that want frames before anything is drawn on them, and the check of a replay.

    Raises:
        SourceError: the recording that is replayed is damaged; nothing is begun.
    """
    header = make_header(model, source, options)
    check = _make_check(source.recording, header) if source.recording else None  # before an output is begun
    if request.capture:
        from fashion_edge.sinks.collect import CollectSink

        margin, limit = request.capture_margin, request.capture_limit
        yield CollectSink(request.capture, model.bundle.manifest.space, margin, limit, still=source.still)
    if source.live:
        from fashion_edge.sinks.monitors import MonochromeCheck

        yield MonochromeCheck()
    if os.environ.get(NOTIFY_SOCKET):
        from fashion_edge.sinks.monitors import NotifySink

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
    """Under what conditions this run decides."""
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
    """What `--serve` and `--mqtt` ask for; each is made when the one before it is in use.

    Raises:
        UsageError: an address that is none, a port that is taken, a password that cannot be read.
        MissingExtraError: the MQTT client is not installed.
    """
    if (address := find_address(request)) is not None:
        from fashion_edge.web import WebSink

        yield WebSink(address, space, source.name, source.describe(), origins=find_origins(request))
    if (broker := find_broker(request)) is not None:
        from fashion_edge.sinks.mqtt import MqttSink

        yield MqttSink(broker, space, name=request.mqtt_name)


def find_address(request: Request) -> "Address | None":
    """Where `--serve` listens; nothing is opened.

    Raises:
        UsageError: an address that is none.
    """
    if request.serve is None:
        return None
    from fashion_edge.web import Address

    return Address.parse(request.serve)


def find_origins(request: Request) -> "tuple[Origin, ...]":
    """Where else the page of `--serve` is opened.

    Raises:
        UsageError: one that is none.
    """
    from fashion_edge.web import Origin

    return tuple(map(Origin.parse, request.serve_origin))


def find_broker(request: Request) -> "Broker | None":
    """Whom `--mqtt` means; nothing is sent.

    Raises:
        UsageError: an address that is none, a password that cannot be read.
    """
    if request.mqtt is None:
        return None
    from fashion_edge.sinks.mqtt import Broker

    return Broker.parse(
        request.mqtt, user=request.mqtt_user, password_file=request.mqtt_password_file, tls=request.mqtt_tls
    )


class _Files(TypedDict):
    overwrite: bool
    append: bool
    limit_mb: float | None


def make_sinks(request: Request, source: Source, *, watched: bool) -> Iterator[Sink]:
    """Sinks in the order in which they see a frame; each is entered before the next is made.

    Raises:
        FashionError: an output that cannot be begun.
    """
    from fashion_edge.sinks.text import TextSink

    windowed = watched and not source.still
    a_line_each = sys.stdout.isatty() and (source.still or request.jsonl == "-")  # that is progress enough
    if not (windowed or a_line_each) and (progress := make_progress_sink(source, request.frames)) is not None:
        yield progress
    yield TextSink(still=source.still, quiet="-" in (request.jsonl, request.events))
    files: _Files = {"overwrite": request.overwrite, "append": request.append, "limit_mb": request.jsonl_limit}
    if request.jsonl:
        from fashion_edge.sinks.jsonl import JsonlSink

        yield JsonlSink(request.jsonl, **files)
    if request.events:
        from fashion_edge.sinks.jsonl import JsonlSink

        yield JsonlSink(request.events, changes=True, **files)
    if request.record:
        from fashion_edge.sinks.video import VideoSink

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
    """Whether it is the replay of a camera or a stream, which may have been faster than it said."""
    return source.recording is not None and not source.recording.header.from_file


CHECK_FAILED = 3  # exit status


def run_request(request: Request) -> int:
    """Run to the end of the source, a limit, `q` or Ctrl-C; returns the exit status."""
    request.check()
    request.options()  # bad values are said before anything is loaded
    check_destinations(request)
    if request.print_colour_card is not None:
        from fashion_edge.colour_card import print_card

        say(print_card(request.print_colour_card, overwrite=request.overwrite))
        return 0
    if request.colour_card:
        from fashion_edge.cli.tools import check_colour_card

        return check_colour_card(request)
    if request.diff is not None:
        from fashion_edge.cli.tools import compare_bundles

        return compare_bundles(request)
    model = request.open_model()
    bundle = model.bundle
    cv2.setNumThreads(model.threads)
    watched = _can_watch(request)
    source = open_source(
        request.source_text(), every_frame=request.every_frame, watched=watched, camera=request.camera_settings()
    )
    options = choose_options(request, bundle, source)
    say(model.describe())
    say(source.describe())
    summary = Summary()
    labeller = Labeller(bundle.manifest, model.backend, options, still=source.still)
    self_test_colours(lambda frame: labeller.prepare(frame).pixels, bundle.manifest.input.channels)
    with ExitStack() as stack:
        sinks = stack.enter_context(FanOut())
        checks: list[ReplayCheck] = []
        for sink in chain(
            network_sinks(request, bundle.manifest.space, source),  # first: a port may be taken, and files are replaced
            keep_sinks(request, model, source, options),
            make_sinks(request, source, watched=watched),
        ):
            sinks.add(sink)
            checks += [sink] if isinstance(sink, ReplayCheck) else []
        if sinks.wants_picture:
            read_fonts()  # before the source runs: the first frames would be as much older
        reader = stack.enter_context(make_reader(source, labeller.prepare))
        with ended_by_signals():
            run(reader, labeller, sinks, options, summary)
    for line in [*summary.describe(reader.dropped), *sinks.outputs, *sinks.failures]:
        say(line)
    for check in checks:
        say(check.describe())
    if any(check.failed for check in checks):
        return CHECK_FAILED
    return 1 if summary.faults or sinks.failures or not summary.frames else 0


def _can_watch(request: Request) -> bool:
    """Whether a window will be opened for a source that moves; says why not where one could be expected."""
    if request.headless or "-" in (request.jsonl, request.events):
        return False
    from fashion_edge.sinks.window import why_no_window

    reason = why_no_window()
    if reason is not None and request.source is None:
        say(f"no window: {reason}; going on headless")
    return reason is None
