"""fashion-edge's own pipeline: source, preprocess, backend, smoothing, decision, overlay, and JSON lines.

python ours.py CLIP BUNDLE LABELS COUNT PRECISION
"""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from loop import run

from fashion_edge.backends import open_backend
from fashion_edge.bundle import load_bundle
from fashion_edge.frame import Frame, ModelInput
from fashion_edge.golden import self_check
from fashion_edge.opencv import cv2, keep_freed_memory
from fashion_edge.overlay import draw_result
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.readers import PrefetchReader
from fashion_edge.sinks.jsonl import JsonlSink
from fashion_edge.sources import open_source


def main(clip: str, folder: str, _labels: str, count: str, precision: str) -> None:
    """Label `count` frames of `clip` with a variant of the bundle on one thread."""
    bundle = load_bundle(Path(folder))
    variant = bundle.find("litert", precision)
    backend = open_backend(bundle, variant, 1)
    self_check(bundle, variant, backend)
    cv2.setNumThreads(1)
    keep_freed_memory()
    labeller = Labeller(bundle.manifest, backend, Options(), still=False)

    def frames() -> Iterator[Frame | ModelInput]:
        while True:
            source = open_source(clip, every_frame=True)
            with PrefetchReader(source.items, labeller.prepare) as items:  # as the command does
                readers[:] = [items]
                yield from (item for item in items if isinstance(item, Frame | ModelInput))

    readers: list[PrefetchReader] = []
    source = frames()

    with tempfile.TemporaryDirectory() as scratch:
        lines = JsonlSink(str(Path(scratch, "frames.jsonl")))

        def step() -> str:
            item = next(source)
            result = labeller.label(item) if isinstance(item, Frame) else labeller.label_input(item)
            readers[0].settle()
            draw_result(result)
            lines.put(result)
            return result.decision.text

        run(f"fashion-edge {precision}, with JSON lines", "ai-edge-litert", step, int(count))
        lines.close()


if __name__ == "__main__":
    main(*sys.argv[1:6])
