"""Whether memory stays flat over a long run: resident memory while frames pass through the live loop.

    python benchmarks/edge_memory.py --frames 100000
    python benchmarks/edge_memory.py --frames 100000 --backend fake     # the loop alone, without a runtime

Every frame is labelled, drawn and written as a JSON line, as in a run of days. Memory is flat if it grows by less than
LIMIT_MB from a tenth of the way, when every cache is warm, to the end; else the exit status is 3.
"""

import argparse
import gc
import os
import sys
import time
from collections.abc import Generator, Sequence

from fashion_bench.worker import read_memory
from fashion_edge.backends import FakeBackend
from fashion_edge.frame import Frame, Item
from fashion_edge.loading import open_model
from fashion_edge.opencv import cv2
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink
from fashion_edge.sinks.jsonl import JsonlSink
from fashion_render.demo import DemoScene

LIMIT_MB = 4.0
POINTS = 20
SCENES = 90  # rendered frames, repeated


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
    args = parser.parse_args(argv)
    cv2.setNumThreads(1)
    model = open_model(threads=1)
    manifest = model.bundle.manifest
    fake = FakeBackend([0.5] * len(manifest.space.labels), manifest.input.shape)
    backend = fake if args.backend == "fake" else model.backend
    options = Options(frames=args.frames)
    labeller, summary = Labeller(manifest, backend, options, still=False), Summary()
    sink = MemorySink(max(1, args.frames // POINTS))
    started = time.monotonic()
    with FanOut() as sinks:
        sinks.add(JsonlSink(os.devnull, overwrite=True))
        sinks.add(sink)
        run(frames(), labeller, sinks, options, summary)
    gc.collect()
    growth = sink.points[-1][1] - sink.points[len(sink.points) // 10][1]
    flat = growth < LIMIT_MB
    print(
        f"{'ok ' if flat else 'BAD'}  {summary.frames} frames on {backend.name} in {time.monotonic() - started:.0f} s: "
        f"{sink.points[-1][1]:.1f} MB, grew by {growth:+.1f} MB since frame {sink.points[len(sink.points) // 10][0]} "
        f"(less than {LIMIT_MB:g} is flat)"
    )
    return 0 if flat else 3


def frames() -> Generator[Item, None, None]:
    """The demo, rendered once and repeated, at 30 frames a second of the stream's clock."""
    scene = DemoScene(seed=0)
    pictures = [scene.frame(i * 10) for i in range(SCENES)]
    index = 0
    while True:
        yield Frame(pictures[index % SCENES].copy(), index, time.monotonic(), "demo", stream_at=index / 30)
        index += 1


if __name__ == "__main__":
    sys.exit(main())
