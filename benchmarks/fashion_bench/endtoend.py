"""Accuracy and stage times with the device's own pipeline. Runs inside a worker."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.document import STAGES
from fashion_edge.backends import Backend
from fashion_edge.bundle import Manifest
from fashion_edge.decide import decide
from fashion_edge.errors import DatasetError, ImageError, SourceError
from fashion_edge.frame import Frame
from fashion_edge.images import find_images, read_folder_name, read_image
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_result
from fashion_edge.pacing import Pacer
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.preprocess import preprocess
from fashion_edge.sources import open_source

JPEG_QUALITY = 80
WARMUP_FRAMES = 10


def find_labelled_photos(folder: Path, labels: tuple[str, ...]) -> list[tuple[Path, frozenset[str]]]:
    """Photos below `folder` and the labels that their folder's name gives (`red_dress`: red and dress).

    Raises:
        DatasetError: no such folder, a folder name with a word that is not a label, or no photo at all.
    """
    if not folder.is_dir():
        raise DatasetError(f"--photos {folder} is not a folder; give one with folders named like red_dress in it")
    found: list[tuple[Path, frozenset[str]]] = []
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir() or entry.name.startswith("."):
            continue
        words, unknown = read_folder_name(entry.name, labels)
        if unknown:
            raise DatasetError(f"{entry} names {sorted(unknown)}, not among the bundle's labels {', '.join(labels)}")
        found += [(photo, frozenset(words)) for photo in find_images(entry)]
    if not found:
        raise DatasetError(f"--photos {folder} holds no photo in a folder named like red_dress")
    return found


def measure_accuracy(backend: Backend, manifest: Manifest, folder: Path) -> dict[str, Any]:
    """{"photos", "exact": how many had all labels right and no other, "exact_match", "unreadable": [names]}."""
    exact, unreadable = 0, []
    photos = find_labelled_photos(folder, manifest.space.labels)
    for photo, labels in photos:
        try:
            image = preprocess(read_image(photo), manifest.input)
        except ImageError:
            unreadable.append(photo.relative_to(folder).as_posix())
            continue
        scores = backend.run(image[np.newaxis])[0]
        exact += frozenset(decide(scores, manifest.space).labels) == labels
    count = len(photos) - len(unreadable)
    return {
        "photos": count,
        "exact": exact,
        "exact_match": exact / count if count else None,
        "unreadable": unreadable,
    }


def measure_end_to_end(
    backend: Backend, manifest: Manifest, source: str, fps: float, seconds: float, threads: int
) -> dict[str, Any]:
    """Frames through capture, preprocess, infer, decide, draw and encode; `fps` 0 is as fast as it goes.

    Returns milliseconds a frame of each stage, and of processor time over all threads.
    """
    cv2.setNumThreads(threads)
    labeller = Labeller(manifest, backend, Options(), still=False)
    frames, pacer = _frames(source), Pacer(1 / fps if fps else 0.0)
    for _ in range(WARMUP_FRAMES):
        _time_frame(labeller, next(frames))
    rows: list[list[float]] = []
    starts: list[float] = []
    late, cpu = 0, time.process_time()
    while len(starts) < 2 or starts[-1] - starts[0] < seconds:
        late += pacer.wait() > 1
        starts.append(time.monotonic())
        rows.append(_time_frame(labeller, next(frames)))
    wall, cpu = starts[-1] - starts[0], time.process_time() - cpu
    table = np.array(rows) * 1e3
    return {
        "fps_asked": fps or None,
        "fps": round((len(rows) - 1) / wall, 2),  # n frames span n - 1 intervals
        "frames": len(rows),
        "late": late,
        "cpu_ms_per_frame": round(cpu / len(rows) * 1e3, 3),
        "cores_busy": round(cpu / len(rows) * (len(rows) - 1) / wall, 3),
        "stages_ms": {stage: [round(ms, 4) for ms in table[:, i].tolist()] for i, stage in enumerate(STAGES)},
    }


def _time_frame(labeller: Labeller, frame: Frame) -> list[float]:
    """Seconds of each of `STAGES`."""
    result = labeller.label(frame)
    start = time.perf_counter()
    draw_result(result)
    drawn = time.perf_counter()
    cv2.imencode(".jpg", frame.image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    encoded = time.perf_counter()
    return [*(result.stages_s[stage] for stage in STAGES[:4]), drawn - start, encoded - drawn]


def _frames(text: str) -> Iterator[Frame]:
    """Endless frames: a clip starts again at its end."""
    while True:
        any_frame = False
        for item in open_source(text, every_frame=True).items():
            if isinstance(item, Frame):
                any_frame = True
                yield item
        if not any_frame:
            raise SourceError(f"source {text} gave no frame; name a video, a camera or demo")
