"""A minimal loop: OpenCV, LiteRT, putText. The same model file, one thread.

python litert_loop.py CLIP MODEL LABELS COUNT PRECISION
"""

import sys

import cv2
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from loop import decide_labels, draw_text, read_frames, run


def main(clip: str, model: str, labels: str, count: str, precision: str) -> None:
    """Label `count` frames of `clip`."""
    cv2.setNumThreads(1)
    interpreter = Interpreter(model_path=model, num_threads=1)
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    height, width = source["shape"][1:3]
    frames = read_frames(clip)

    def step() -> str:
        frame = next(frames)
        pixels = cv2.cvtColor(cv2.resize(frame, (int(width), int(height))), cv2.COLOR_BGR2RGB)
        interpreter.set_tensor(source["index"], pixels[np.newaxis].astype(source["dtype"]))
        interpreter.invoke()
        scores = interpreter.get_tensor(target["index"])[0].astype(np.float32)
        if target["dtype"] != np.float32:
            scale, zero = target["quantization"]
            scores = (scores - zero) * scale
        words = decide_labels(scores, labels.split(","))
        draw_text(frame, words)
        return words

    run(f"plain LiteRT loop {precision}", "ai-edge-litert", step, int(count))


if __name__ == "__main__":
    main(*sys.argv[1:6])
