"""From camera to picture, stage by stage, in the pipeline that the device runs. Runs inside a worker."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fashion_edge.backends import Backend
from fashion_edge.bundle import Manifest
from fashion_edge.decide import decide
from fashion_edge.errors import DatasetError, ImageError, SourceError
from fashion_edge.frame import Frame
from fashion_edge.images import find_images, read_folder_name, read_image
from fashion_edge.opencv import cv2
from fashion_edge.overlay import draw_result
from fashion_edge.pipeline import Labeller, Options
from fashion_edge.preprocess import preprocess
from fashion_edge.readers import Pacer
from fashion_edge.sources import open_source


def labelled_photos(folder: Path, labels: tuple[str, ...]) -> list[tuple[Path, frozenset[str]]]:
    """Photos below `folder` and the labels their folder's name says (`red_dress`: red and dress).

    Raises:
        DatasetError: no such folder, a folder name with a word that is no label, or no photo at all.
    """
    if not folder.is_dir():
        raise DatasetError(f"--photos {folder} is not a folder; give one with folders named like red_dress in it")
    found: list[tuple[Path, frozenset[str]]] = []
    for entry in sorted(folder.iterdir()):
        if not entry.is_dir() or entry.name.startswith("."):
            continue
        shown, strangers = read_folder_name(entry.name, labels)
        if strangers:
            raise DatasetError(f"{entry} names {sorted(strangers)}, not among the bundle's labels {', '.join(labels)}")
        found += [(photo, frozenset(shown)) for photo in find_images(entry)]
    if not found:
        raise DatasetError(f"--photos {folder} holds no photo in a folder named like red_dress")
    return found


def measure_accuracy(backend: Backend, manifest: Manifest, folder: Path) -> dict[str, Any]:
    """{"photos", "exact": how many had all labels right and none besides, "exact_match", "unreadable": [names]}."""
    exact, unreadable = 0, []
    photos = labelled_photos(folder, manifest.space.labels)
    for photo, words in photos:
        try:
            picture = preprocess(read_image(photo), manifest.input)
        except ImageError:
            unreadable.append(photo.relative_to(folder).as_posix())
            continue
        scores = backend.run(picture[np.newaxis])[0]
        exact += frozenset(decide(scores, manifest.space).labels) == words
    judged = len(photos) - len(unreadable)
    return {
        "photos": judged,
        "exact": exact,
        "exact_match": exact / judged if judged else None,
        "unreadable": unreadable,
    }


STAGES = ("capture", "preprocess", "infer", "decide", "draw", "encode")
JPEG_QUALITY = 80
WARMUP_FRAMES = 10
CLIP_SECONDS = 3


def render_clip(path: Path) -> None:
    """Write the rendered demo as Motion JPEG, as most USB cameras send it: 640x480, 30 frames a second.

    Raises:
        SourceError: this OpenCV cannot write it.
    """
    from fashion_render.demo import DemoScene

    scene = DemoScene(seed=0)
    first = scene.frame(0)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 30.0, (first.shape[1], first.shape[0]))
    if not writer.isOpened():
        raise SourceError(f"OpenCV here cannot write the clip {path.name}; give a video or a camera with --source")
    for index in range(30 * CLIP_SECONDS):
        writer.write(scene.frame(index))
    writer.release()


def measure_end_to_end(
    backend: Backend, manifest: Manifest, source: str, fps: float, seconds: float, threads: int
) -> dict[str, Any]:
    """Frames through capture, preprocess, infer, decide, draw and encode; `fps` 0 is flat out.

    Returns milliseconds a frame of each stage, of all together, and of processor time over all threads.
    """
    cv2.setNumThreads(threads)
    labeller = Labeller(manifest, backend, Options(), still=False)
    frames, pacer = _frames(source), Pacer(1 / fps if fps else 0.0)
    for _ in range(WARMUP_FRAMES):
        _one(cv2, labeller, next(frames))
    rows: list[list[float]] = []
    starts: list[float] = []
    late, cpu = 0, time.process_time()
    while len(starts) < 2 or starts[-1] - starts[0] < seconds:
        late += pacer.wait() > 1
        starts.append(time.monotonic())
        rows.append(_one(cv2, labeller, next(frames)))
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


def summarise(found: dict[str, Any]) -> list[tuple[str, float, float]]:
    """(stage, p50, p99) in milliseconds, and the sum of the stages at the end."""
    columns = [np.array(found["stages_ms"][stage]) for stage in STAGES]
    named = [*zip(STAGES, columns, strict=True), ("all", np.sum(columns, axis=0))]
    return [(name, float(np.quantile(ms, 0.5)), float(np.quantile(ms, 0.99))) for name, ms in named]


def _one(cv2: Any, labeller: Labeller, frame: Frame) -> list[float]:
    """Seconds of each of `STAGES`."""
    result = labeller.label(frame)
    start = time.perf_counter()
    draw_result(result)
    drawn = time.perf_counter()
    cv2.imencode(".jpg", frame.image, (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    encoded = time.perf_counter()
    return [*(result.stages_s[stage] for stage in STAGES[:4]), drawn - start, encoded - drawn]


def _frames(text: str) -> Iterator[Frame]:
    """Frames without end: a clip starts over."""
    while True:
        any_frame = False
        for item in open_source(text, every_frame=True).items():
            if isinstance(item, Frame):
                any_frame = True
                yield item
        if not any_frame:
            raise SourceError(f"source {text} gave no frame; name a video, a camera or demo")
