"""From flags to outputs: which sinks a run has, and where they have left their files."""

from collections.abc import Iterator
from pathlib import Path

from fashion_edge.decide import LabelSpace
from fashion_edge.errors import UsageError
from fashion_edge.network import network_sinks
from fashion_edge.request import Request
from fashion_edge.sinks.base import Sink
from fashion_edge.sources import Source


def make_sinks(request: Request, space: LabelSpace, source: Source, *, watched: bool) -> Iterator[Sink]:
    """Sinks in the order in which they see a frame; each is entered before the next is made.

    Raises:
        FashionError: an output that cannot be begun.
    """
    if request.jsonl == request.events == "-":
        raise UsageError("--jsonl - and --events - both want standard output; give one of them a file")
    from fashion_edge.sinks.text import TextSink

    yield TextSink(still=source.still, quiet="-" in (request.jsonl, request.events))
    if request.jsonl:
        from fashion_edge.sinks.jsonl import JsonlSink

        yield JsonlSink(request.jsonl, overwrite=request.overwrite, limit_mb=request.jsonl_limit)
    if request.events:
        from fashion_edge.sinks.jsonl import JsonlSink

        yield JsonlSink(request.events, overwrite=request.overwrite, changes=True, limit_mb=request.jsonl_limit)
    if request.record:
        from fashion_edge.sinks.video import VideoSink

        yield VideoSink(request.record, source.fps, overwrite=request.overwrite)
    if request.save:
        from fashion_edge.sinks.stills import StillsSink

        root = Path(source.name) if source.still and Path(source.name).is_dir() else None
        yield StillsSink(request.save, still=source.still, root=root)
    yield from network_sinks(request, space, source)
    if watched and not source.still:
        from fashion_edge.sinks.window import WindowSink

        yield WindowSink(source.fps)


def written(request: Request) -> Iterator[str]:
    """Where the outputs are."""
    if request.jsonl and request.jsonl != "-":
        yield f"JSON lines: {request.jsonl}"
    if request.events and request.events != "-":
        yield f"changes: {request.events}"
    if request.record and request.record.exists():
        yield f"video: {request.record}"
    if request.save:
        newest = max(request.save.rglob("*.jpg"), key=lambda path: path.stat().st_mtime_ns, default=None)
        yield f"annotated pictures: {request.save}" + (f", the last is {newest}" if newest else "")
