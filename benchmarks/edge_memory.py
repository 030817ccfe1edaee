"""Whether memory stays flat over a long run: resident memory while frames pass through the live loop.

    python benchmarks/edge_memory.py --frames 100000
    python benchmarks/edge_memory.py --frames 100000 --clients 4        # and the live page with so many clients
    python benchmarks/edge_memory.py --frames 100000 --backend fake     # the loop alone, without a runtime

Every frame is decoded, labelled, drawn and written as a JSON line, as in a run of days. Memory is flat if it grows by
less than LIMIT_MB from a tenth of the way, when every cache is warm, to the end, and if its peak stays below PEAK_MB;
else the exit status is 3.
"""

import argparse
import gc
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from fashion_bench.worker import read_memory
from fashion_edge.backends import FakeBackend
from fashion_edge.decide import LabelSpace
from fashion_edge.frame import Item
from fashion_edge.loading import open_model
from fashion_edge.opencv import cv2, keep_freed_memory
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.readers import PrefetchReader
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink
from fashion_edge.sinks.jsonl import JsonlSink
from fashion_edge.sources.files import VideoSource

LIMIT_MB, PEAK_MB = 4.0, 130.0
POINTS = 20
CLIP_FRAMES = 900
# in a process of its own, whose memory does not count
WRITE = "import sys; from fashion_render.demo import write_clip; write_clip(sys.argv[1], int(sys.argv[2]))"


class MemorySink(Sink):
    """Records resident memory every so many frames; needs the overlay."""

    wants_picture = True

    def __init__(self, every: int) -> None:
        self.points: list[tuple[int, float]] = []
        self._every = every
        self._seen = 0

    def put(self, result: Result) -> None:  # noqa: ARG002  # only counted
        """Count, and read the memory when it is due."""
        self._seen += 1
        if self._seen % self._every == 0:
            self.points.append((self._seen, read_memory()["rss_mb"] or 0.0))
            print(f"{self._seen} frames: {self.points[-1][1]:.1f} MB", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run, print the verdict, return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=100_000)
    parser.add_argument("--backend", choices=("real", "fake"), default="real")
    parser.add_argument("--clients", type=int, default=0, help="of the live page")
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    keep_freed_memory()  # as the command does
    model = open_model(threads=1)
    manifest = model.bundle.manifest
    fake = FakeBackend([0.5] * len(manifest.space.labels), manifest.input.shape)
    backend = fake if args.backend == "fake" else model.backend
    options = Options(frames=args.frames)
    labeller, summary = Labeller(manifest, backend, options, still=False), Summary()
    sink = MemorySink(max(1, args.frames // POINTS))
    started = time.monotonic()
    with ExitStack() as stack:
        sinks = stack.enter_context(FanOut())
        sinks.add(JsonlSink(os.devnull, overwrite=True))
        if args.clients:
            sinks.add(serve(manifest.space, args.clients, stack))
        sinks.add(sink)
        clip = Path(stack.enter_context(tempfile.TemporaryDirectory()), "demo.mp4")
        subprocess.run([sys.executable, "-c", WRITE, str(clip), str(CLIP_FRAMES)], check=True)
        reader = stack.enter_context(PrefetchReader(partial(frames, clip), labeller.prepare))
        run(reader, labeller, sinks, options, summary, settle=reader.settle)
    gc.collect()
    growth = sink.points[-1][1] - sink.points[len(sink.points) // 10][1]
    peak = read_memory()["peak_mb"] or 0.0
    flat = growth < LIMIT_MB and peak < PEAK_MB
    print(
        f"{'ok ' if flat else 'BAD'}  {summary.frames} frames on {backend.name} in {time.monotonic() - started:.0f} s: "
        f"{sink.points[-1][1]:.1f} MB, grew by {growth:+.1f} MB since frame {sink.points[len(sink.points) // 10][0]} "
        f"(less than {LIMIT_MB:g} is flat), peak {peak:.1f} MB (bar {PEAK_MB:g}), {args.clients} clients"
    )
    return 0 if flat else 3


def serve(space: LabelSpace, clients: int, stack: ExitStack) -> Sink:
    """The live page, and processes that request its next picture at once until the stack ends."""
    from edge_clients import WATCHER, free_port, process
    from fashion_edge.web import Address, WebSink

    port = free_port()
    page = WebSink(Address.parse(str(port)), space, "demo", "demo")
    for _ in range(clients):
        stack.enter_context(process(WATCHER, f"http://127.0.0.1:{port}/api/picture", silent=True))
    return page


def frames(clip: Path) -> Generator[Item, None, None]:
    """The clip over and over; each lap opens the file again."""
    while True:
        yield from VideoSource(clip).items()


if __name__ == "__main__":
    sys.exit(main())
