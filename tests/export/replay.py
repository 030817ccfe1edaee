"""Replay a bundle's golden inputs in a runtime that shares no code with ours; run by nox in an environment of its own.

    python tests/export/replay.py mediapipe edge/fashion_edge/shipped_bundle

Needs numpy and the runtime, nothing of this project. Exit status 1 where a file does not load, or its scores differ
from the recorded ones by more than the manifest allows, or a decision flips.
"""

import json
import sys
from pathlib import Path

import numpy as np


def mediapipe(file: Path, inputs: np.ndarray, labels: list[str]) -> np.ndarray:
    """MediaPipe Tasks' ImageClassifier; labels are read from the metadata inside the file."""
    import mediapipe as mp
    from mediapipe.tasks.python import BaseOptions, vision

    options = vision.ImageClassifierOptions(base_options=BaseOptions(model_asset_path=str(file)), max_results=-1)
    rows = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in inputs:
            image = mp.Image(image_format=mp.ImageFormat.SRGB, data=np.ascontiguousarray(pixels))
            found = {c.category_name: c.score for c in classifier.classify(image).classifications[0].categories}
            assert sorted(found) == sorted(labels), f"labels inside {file.name} are {sorted(found)}"
            rows.append([found[label] for label in labels])
    return np.array(rows)


def tflite_runtime(file: Path, inputs: np.ndarray, labels: list[str]) -> np.ndarray:
    """The last tflite-runtime, 2.14."""
    from tflite_runtime.interpreter import Interpreter

    interpreter = Interpreter(str(file))
    interpreter.allocate_tensors()
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    scale, zero = target["quantization"]
    rows = []
    for pixels in inputs:
        interpreter.set_tensor(source["index"], pixels[None])
        interpreter.invoke()
        values = interpreter.get_tensor(target["index"])[0].astype(np.float64)
        rows.append((values - zero) * scale if scale else values)
    return np.array(rows)


def opencv(file: Path, inputs: np.ndarray, labels: list[str]) -> np.ndarray:
    """OpenCV's dnn module."""
    import cv2

    network = cv2.dnn.readNetFromONNX(str(file))
    rows = []
    for pixels in inputs:
        network.setInput(pixels[None], "image")
        rows.append(network.forward()[0].copy())
    return np.array(rows)


RUNTIMES = {
    "mediapipe": (mediapipe, ".tflite"),
    "tflite_runtime": (tflite_runtime, ".tflite"),
    "opencv": (opencv, ".onnx"),
}
SKIPPED = {"opencv": ("int8",), "tflite_runtime": ("dynamic",)}  # not promised there; the report says so


def main(runtime: str, bundle: Path) -> int:
    run, suffix = RUNTIMES[runtime]
    manifest = json.loads((bundle / "manifest.json").read_text())
    golden, labels = np.load(bundle / "golden.npz"), manifest["labels"]
    limits = np.array([manifest["thresholds"][label] for label in labels])
    failed = tried = 0
    for variant in manifest["variants"]:
        file, expected = variant["file"], golden[f"scores:{variant['file']}"]
        if not file.endswith(suffix) or variant["precision"] in SKIPPED.get(runtime, ()):
            continue
        tried += 1
        scores = run(bundle / file, golden["inputs"], labels)
        drift, flips = np.abs(scores - expected).max(), int(((scores >= limits) != (expected >= limits)).sum())
        bad = not drift <= manifest["golden"]["tolerance"][variant["precision"]] or flips > 0
        failed += bad
        verdict = "WRONG" if bad else "right"
        print(f"{runtime} {file}: {verdict}, largest difference {drift:.6f}, {flips} of {scores.size} decisions flip")
    assert tried, f"{bundle} has no {suffix} file for {runtime}"
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
