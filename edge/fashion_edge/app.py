"""Puts a run of `fashion-edge` together: bundle, backend, source, sinks; then lets frames through."""

from contextlib import ExitStack
from itertools import chain

from fashion_edge.ahead import Ahead
from fashion_edge.bundle import LiveDefaults
from fashion_edge.choice import open_model
from fashion_edge.colour.path import prove_colours
from fashion_edge.console import say
from fashion_edge.destinations import check_destinations
from fashion_edge.keep import choose_options, keep_sinks
from fashion_edge.latest import Latest
from fashion_edge.network import network_sinks
from fashion_edge.opencv import load_cv2
from fashion_edge.outputs import make_sinks
from fashion_edge.pipeline import Labeller, run
from fashion_edge.plate import read_fonts
from fashion_edge.request import Request
from fashion_edge.signals import ended_by_signals
from fashion_edge.sinks.check import ReplayCheck
from fashion_edge.sinks.fan import FanOut
from fashion_edge.sources import open_source
from fashion_edge.summary import Summary

CHECK_FAILED = 3  # exit status


def run_request(request: Request) -> int:
    """Run to the end of the source, a limit, `q` or Ctrl-C; returns the exit status."""
    request.check()
    request.options(LiveDefaults())  # bad values are said before anything is loaded
    check_destinations(request)
    if request.print_colour_card is not None:
        from fashion_edge.colour.card import print_card

        say(print_card(request.print_colour_card, overwrite=request.overwrite))
        return 0
    if request.colour_card:
        from fashion_edge.colour.look import look_at_card

        return look_at_card(request)
    if request.diff is not None:
        from fashion_edge.diff import diff_bundles

        return diff_bundles(request)
    model = open_model(request)
    bundle = model.bundle
    load_cv2().setNumThreads(model.threads)
    watched = _can_watch(request)
    source = open_source(request.source_text(), every_frame=request.every_frame, watched=watched, wish=request.wish())
    options = choose_options(request, bundle, source)
    say(model.describe())
    say(source.describe())
    summary = Summary()
    labeller = Labeller(bundle.manifest, model.backend, options, still=source.still)
    prove_colours(labeller.look, bundle.manifest.input.channels)
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
        latest = stack.enter_context(Latest(source)) if source.live else None
        ahead = stack.enter_context(Ahead(source, labeller.view)) if source.ahead else None
        items = latest or ahead or source.items()
        with ended_by_signals():
            run(items, labeller, [sinks], options, summary)
    for line in [*summary.describe(latest.dropped if latest else 0), *sinks.outputs, *sinks.failures]:
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
