"""From flags to outputs: which sinks a run has."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from fashion_edge.progress import make_progress
from fashion_edge.request import Request
from fashion_edge.sinks.base import Sink
from fashion_edge.sources import Source
from fashion_edge.sources.replay import ReplaySource


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
    if not (windowed or a_line_each) and (progress := make_progress(source, request.frames)) is not None:
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
    return isinstance(source, ReplaySource) and not source.header.from_file
