"""A run of `fashion-edge`: model, source and sinks, then the loop over the frames."""

from contextlib import ExitStack
from itertools import chain

from fashion_edge.cli.outputs import check_destinations, keep_sinks, make_sinks, network_sinks
from fashion_edge.cli.request import Request, choose_options
from fashion_edge.cli.signals import ended_by_signals
from fashion_edge.console import say
from fashion_edge.golden import self_test_colours
from fashion_edge.opencv import cv2, keep_freed_memory
from fashion_edge.overlay import load_fonts
from fashion_edge.pipeline import Labeller, Summary, run
from fashion_edge.readers import make_reader
from fashion_edge.sinks.base import FanOut
from fashion_edge.sinks.monitors import ReplayCheck
from fashion_edge.sources import open_source

CHECK_FAILED = 3  # exit status


def run_request(request: Request) -> int:
    """Do what the options say; returns the exit status."""
    request.check()
    request.options()  # checked before anything is loaded
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
    return _label_source(request)


def _label_source(request: Request) -> int:
    """Label frames to the end of the source, a limit, `q` or Ctrl-C."""
    model = request.open_model()
    manifest = model.bundle.manifest
    cv2.setNumThreads(model.threads)
    keep_freed_memory()
    watched = _can_watch(request)
    source = open_source(
        request.source_text(), every_frame=request.every_frame, watched=watched, camera=request.camera_settings()
    )
    options = choose_options(request, model.bundle, source)
    say(model.describe())
    say(source.describe())
    labeller = Labeller(manifest, model.backend, options, still=source.still)
    self_test_colours(lambda frame: labeller.prepare(frame).pixels, manifest.input.channels)
    summary = Summary()
    with ExitStack() as stack:
        sinks = stack.enter_context(FanOut())
        checks: list[ReplayCheck] = []
        for sink in chain(
            network_sinks(request, manifest.space, source),  # first: a port may be in use, and files are replaced
            keep_sinks(request, model, source, options),
            make_sinks(request, source, watched=watched),
        ):
            sinks.add(sink)
            checks += [sink] if isinstance(sink, ReplayCheck) else []
        if sinks.wants_picture:
            load_fonts()  # before the source starts, or its first frames would be older
        reader = stack.enter_context(make_reader(source, labeller.prepare))
        with ended_by_signals(sinks.close):
            run(reader, labeller, sinks, options, summary, settle=reader.settle)
    for line in [
        *summary.describe(reader.dropped),
        *sinks.outputs,
        *sinks.failures,
        *map(ReplayCheck.describe, checks),
    ]:
        say(line)
    if any(check.failed for check in checks):
        return CHECK_FAILED
    return 1 if summary.faults or summary.invalid or sinks.failures or not summary.frames else 0


def _can_watch(request: Request) -> bool:
    """Return whether a window will be opened for video; prints why not where a user could expect one."""
    if request.headless or "-" in (request.jsonl, request.events):
        return False
    from fashion_edge.sinks.window import why_no_window

    reason = why_no_window()
    if reason is not None and request.source is None:
        say(f"no window: {reason}; running headless")
    return reason is None
