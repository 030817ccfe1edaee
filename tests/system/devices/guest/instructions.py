"""Runs in the virtual machine where a nanosecond is an instruction: counts those of each stage of the live loop.

`instructions.py NAME` prints one JSON line with the median of each stage over the frames of /pictures/clip.mp4.
"""

import json
import os
import sys
import time
from pathlib import Path
from statistics import median

from fashion_edge import opencv
from fashion_edge.loading import open_model
from fashion_edge.overlay import load_fonts
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink
from fashion_edge.sinks.jsonl import JsonlSink
from fashion_edge.sources.files import VideoSource

WARM = 30  # frames in which caches fill


class Lines(JsonlSink):
    """JSON lines, timed."""

    def put(self, result: Result) -> None:
        started = time.monotonic_ns()
        super().put(result)
        self.taken = time.monotonic_ns() - started


class Counts(Sink):
    """Keeps the stages of each frame; stands for a window or a page, which need the overlay."""

    def __init__(self, lines: Lines, *, picture: bool) -> None:
        self.frames: list[dict[str, float]] = []
        self.wants_picture = picture
        self._lines = lines
        self._last = time.monotonic_ns()

    def put(self, result: Result) -> None:
        now = time.monotonic_ns()
        stages = {name: seconds * 1e9 for name, seconds in result.stages_s.items()}
        stages["JSON line"] = self._lines.taken
        stages["rest"] = now - self._last - sum(stages.values())
        self.frames.append(stages)
        self._last = time.monotonic_ns()


def count(*, picture: bool) -> dict[str, int]:
    """Medians over the clip, in instructions."""
    model = open_model(threads=1)
    labeller = Labeller(model.bundle.manifest, model.backend, Options(), still=False)
    with FanOut() as sinks:
        lines = Lines(os.devnull, overwrite=True)
        counts = Counts(lines, picture=picture)
        sinks.add(lines)
        sinks.add(counts)
        run(VideoSource(Path("/pictures/clip.mp4")).items(), labeller, sinks, Options(), Summary())
    kept = counts.frames[WARM:]
    return {stage: round(median(frame[stage] for frame in kept)) for stage in kept[0]}


if __name__ == "__main__":
    opencv.cv2.setNumThreads(1)
    getattr(opencv, "keep_freed_memory", lambda: None)()  # as the command does; newer than some trees
    load_fonts()
    print(
        f"\nFACT {json.dumps({'tree': sys.argv[1], 'drawn': count(picture=True), 'not drawn': count(picture=False)})}"
    )
