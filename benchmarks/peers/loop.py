"""Shared by every peer: endless frames of a clip, the timing of one step, and a JSON line with the result.

Plain Python and OpenCV: a peer's environment does not contain fashion-edge.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

WARMUP_FRAMES = 60  # threads settle on cores, caches fill


def read_frames(path: str) -> Iterator[Any]:
    """Frames (h, w, 3) uint8 B, G, R; the clip starts again at its end."""
    import cv2

    while True:
        capture = cv2.VideoCapture(path)
        ok, frame = capture.read()
        if not ok:
            raise SystemExit(f"{path} cannot be read")
        while ok:
            yield frame
            ok, frame = capture.read()
        capture.release()


def run(name: str, runtime: str, step: Callable[[], str], count: int) -> None:
    """Call `step` (read a frame, label it, draw the words; returns them) and print what each call took.

    `runtime` is the package that infers; its version is recorded.
    """
    for _ in range(WARMUP_FRAMES):
        step()
    taken, words = [], Counter()
    for _ in range(count):
        start = time.perf_counter_ns()
        words[step()] += 1
        taken.append((time.perf_counter_ns() - start) / 1e6)
    reply = {
        "peer": name,
        "runtime": f"{runtime} {version(runtime)}",
        "frame_ms": [round(ms, 4) for ms in taken],
        "seen": dict(words.most_common(5)),
    }
    sys.stdout.write(json.dumps(reply) + "\n")


def decide_labels(scores: Any, labels: list[str], threshold: float = 0.5) -> str:
    """The labels at or above the threshold."""
    return " ".join(label for label, score in zip(labels, scores, strict=True) if score >= threshold)


def draw_text(frame: Any, words: str) -> None:
    """One line of text, as a tutorial writes it."""
    import cv2

    cv2.putText(frame, words, (10, 35), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 0), 2)
