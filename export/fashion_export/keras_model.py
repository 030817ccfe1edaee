"""The Keras model: loaded without running a stranger's code, checked, and asked for scores."""

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import ModelError, brief
from fashion_edge.preprocess import InputSpec

BATCH = 64
HALVES = ("float16", "mixed_float16", "bfloat16", "mixed_bfloat16")  # policies that TFLite has no operators for


def load_model(path: Path, sha256: str | None = None) -> Any:
    """Load a .keras or .h5 file in safe mode, hash compared where one is given; it computes in float32.

    Raises:
        ModelError: missing, damaged, swapped, or holding code.
    """
    if not path.is_file():
        raise ModelError(f"{path} is missing; train again")
    if sha256 is not None and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        raise ModelError(f"{path} does not have the hash that run.json names: cut short or swapped; train again")
    import keras

    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises ValueError, TypeError, OSError, KeyError, BadZipFile and more
        raise ModelError(f"{path} does not load in safe mode: {brief(error)}") from error
    for layer in model._flatten_layers():
        if layer.dtype_policy.name in HALVES:
            layer.dtype_policy = "float32"
    return model


def check_model(model: Any, spec: InputSpec, n_labels: int, name: str) -> None:
    """Compare what the model eats and gives with what the labels and the input size say.

    Raises:
        ModelError: several inputs or outputs, another size, or another label count.
    """
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise ModelError(
            f"{name} has {len(model.inputs)} inputs and {len(model.outputs)} outputs; "
            "export takes one image in and one row of scores out"
        )
    eats, gives = tuple(model.inputs[0].shape), tuple(model.outputs[0].shape)
    if eats[1:] != spec.shape:
        raise ModelError(f"{name} eats {eats[1:]}, the run says {spec.shape}; they do not belong together")
    if len(gives) != 2 or gives[1] != n_labels:
        raise ModelError(f"{name} gives {gives[1:]} scores for {n_labels} labels; they do not belong together")


def keras_scores(model: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Scores (n, labels) float32 for pixels (n, h, w, 3) uint8.

    Raises:
        ModelError: a score that is not finite or outside 0..1, as a model without a sigmoid gives.
    """
    rows = [
        np.asarray(model(pixels[i : i + BATCH].astype(np.float32), training=False), np.float32)
        for i in range(0, len(pixels), BATCH)
    ]
    scores: NDArray[np.float32] = np.concatenate(rows) if rows else np.empty((0, model.outputs[0].shape[1]), np.float32)
    if not np.isfinite(scores).all() or (scores < 0).any() or (scores > 1).any():
        raise ModelError("the model gives scores outside 0..1; its last layer must be a sigmoid")
    return scores
