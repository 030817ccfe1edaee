"""What every peer shares: frames of a clip without end, a clock around one step, and a JSON line of what came out.

Plain Python and OpenCV, so that each peer's environment needs nothing of ours.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

WARMUP_FRAMES = 60  # threads find a core of their own, caches fill


def frames_of(path: str) -> Iterator[Any]:
    """Frames (h, w, 3) uint8 B, G, R; the clip starts over at its end."""
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

    `runtime` is the package that infers; its version stands beside the figures.
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


def words_over(scores: Any, labels: list[str], threshold: float = 0.5) -> str:
    """The labels at or above the threshold."""
    return " ".join(label for label, score in zip(labels, scores, strict=True) if score >= threshold)


def put_words(frame: Any, words: str) -> None:
    """One line of text, as a tutorial writes it."""
    import cv2

    cv2.putText(frame, words, (10, 35), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (0, 255, 0), 2)
