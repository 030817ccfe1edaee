"""The tutorial's loop: cv2, a resize that keeps the aspect ratio (as imutils does), model.predict, putText.

python keras_loop.py CLIP MODEL LABELS COUNT TITLE
"""

import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
from loop import decide_labels, draw_text, read_frames, run


def main(clip: str, model: str, labels: str, count: str, title: str) -> None:
    """Label `count` frames of `clip` with a Keras model."""
    network = keras.models.load_model(model, safe_mode=True, compile=False)
    _, height, width, _ = network.input_shape
    frames = read_frames(clip)

    def step() -> str:
        frame = next(frames)
        shown = cv2.resize(frame, (400, round(frame.shape[0] * 400 / frame.shape[1])), interpolation=cv2.INTER_AREA)
        pixels = cv2.cvtColor(cv2.resize(frame, (width, height)), cv2.COLOR_BGR2RGB)
        array = keras.utils.img_to_array(pixels)  # 0..255: the scaling is a layer of the network
        scores = network.predict(np.expand_dims(array, 0), verbose=0)[0]
        words = decide_labels(scores, labels.split(","))
        draw_text(shown, words)
        return words

    run(f"the tutorial's loop, {title}", "tensorflow", step, int(count))


if __name__ == "__main__":
    main(*sys.argv[1:6])
