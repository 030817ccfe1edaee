"""The teacher: EfficientNet-Lite0 that saw ImageNet, fitted to the labels. Large, right, and never shipped.

A network that has seen a million photos needs few of ours to tell a dress from a long shirt. It is too slow for
the device, so it marks the pictures that the small network then learns from (`transfer`).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fashion_train.data.cache import PixelStore
from fashion_train.fit.learner import make_predict
from fashion_train.options import Recipe
from fashion_train.size import Size, scaled

if TYPE_CHECKING:
    import keras

    from fashion_train.networks import NetworkOptions

SCALE = 3 / 2  # the teacher's pictures are this much larger than the network's; at 8 / 7 it errs twice as often
_BATCH = 16
Features = NDArray[np.float32]


def teacher_size(size: Size) -> Size:
    """The teacher's input, for a network of input `size`."""
    return scaled(size, SCALE)


def teacher_recipe(recipe: Recipe) -> Recipe:
    """How the teacher is fitted, on the pictures of a recipe: few epochs, small steps, a short average."""
    return replace(
        recipe,
        epochs=recipe.teacher_epochs,
        optimizer="adamw",
        learning_rate=4e-4,
        weight_decay=0.02,
        warmup_epochs=1.0,
        ema=0.98,
        keep="last",  # so few epochs end where they were meant to
    )


def build_features(size: Size) -> "keras.Model":
    """EfficientNet-Lite0 with its ImageNet weights, without the classifier: pixels 0..255 to (1280,) features."""
    from fashion_train.networks.lite0 import build_lite0, load_imagenet

    features = build_lite0(size)
    load_imagenet(features)
    return features


def build_teacher(options: "NetworkOptions") -> "keras.Model":
    """The features with scores (labels,) on top; batch normalisation stays as ImageNet left it."""
    import keras
    from keras import layers

    from fashion_train.networks import scores_layer

    features = build_features(options.size)
    for layer in features.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.trainable = False  # a few thousand photos would only blur its statistics
    x = layers.Dropout(0.3, seed=options.seed)(features.outputs[0])
    return keras.Model(features.inputs, scores_layer(options, options.seed)(x), name="teacher")


def extract(model: "keras.Model", store: PixelStore, indices: Sequence[int], tick: Callable[[int], None]) -> Features:
    """The features (n, 1280) that `build_features` finds in stored pictures."""
    predict, parts = make_predict(model), []
    for start in range(0, len(indices), _BATCH):
        parts.append(predict(store.read_many(indices[start : start + _BATCH])))
        tick(min(start + _BATCH, len(indices)))
    return np.concatenate(parts) if parts else np.zeros((0, model.output_shape[1]), np.float32)
