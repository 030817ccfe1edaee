"""MediaPipe Tasks' ImageClassifier in VIDEO mode, fed from OpenCV. The same model file.

python mediapipe_loop.py CLIP MODEL LABELS COUNT PRECISION
"""

import itertools
import sys

import cv2
import mediapipe as mp
from loop import draw_text, read_frames, run
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision


def main(clip: str, model: str, labels: str, count: str, precision: str) -> None:
    """Label `count` frames of `clip`; MediaPipe chooses its thread count."""
    options = vision.ImageClassifierOptions(
        base_options=tasks.BaseOptions(model_asset_path=model),
        running_mode=vision.RunningMode.VIDEO,
        score_threshold=0.5,
    )
    frames, stamps = read_frames(clip), itertools.count(0, 33)
    order = labels.split(",")
    with vision.ImageClassifier.create_from_options(options) as classifier:

        def step() -> str:
            frame = next(frames)
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))
            found = classifier.classify_for_video(image, next(stamps)).classifications[0].categories
            words = " ".join(sorted((entry.category_name for entry in found), key=order.index))
            draw_text(frame, words)
            return words

        run(f"MediaPipe ImageClassifier {precision}", "mediapipe", step, int(count))


if __name__ == "__main__":
    main(*sys.argv[1:6])
