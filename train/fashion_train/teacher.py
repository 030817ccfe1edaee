"""What a network that saw ImageNet makes of each picture: hints the small network learns to give as well.

The hints are computed once, on the picture as it is. The small network sees the same picture turned, blurred and in
another colour, and is asked for the same hint: it learns which of a garment's properties survive all that.
Source: Romero et al., "FitNets: Hints for Thin Deep Nets", 2015.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fashion_train.cache import PixelStore

if TYPE_CHECKING:
    import keras

DIMENSIONS = 48
_BATCH = 16
Features = NDArray[np.float32]


@dataclass(frozen=True)
class Projection:
    """Principal components of the teacher's features, each scaled to unit variance."""

    mean: Features  # (features,)
    axes: Features  # (features, dimensions)

    @classmethod
    def fit(cls, features: Features, dimensions: int = DIMENSIONS) -> "Projection":
        """From features (n, features); fewer dimensions where n is small."""
        mean = features.mean(axis=0)
        _, scale, rows = np.linalg.svd(features - mean, full_matrices=False)
        kept = min(dimensions, int((scale > 1e-6 * scale[0]).sum()))
        axes = rows[:kept].T / (scale[:kept] / np.sqrt(len(features)))
        padded = np.zeros((features.shape[1], dimensions), np.float32)
        padded[:, :kept] = axes
        return cls(mean, padded)

    def __call__(self, features: Features) -> Features:
        """(n, dimensions) float32."""
        return ((features - self.mean) @ self.axes).astype(np.float32)


def build_teacher(size: int) -> "keras.Model":
    """EfficientNet-Lite0 with its ImageNet weights, without the classifier."""
    from fashion_train.networks.imagenet import load_imagenet
    from fashion_train.networks.lite0 import build_lite0

    teacher = build_lite0(size)
    load_imagenet(teacher)
    return teacher


def extract(teacher: "keras.Model", store: PixelStore, indices: Sequence[int], tick: Callable[[int], None]) -> Features:
    """The teacher's features (n, 1280) of stored pictures."""
    import tensorflow as tf

    forward = tf.function(
        lambda pictures: teacher(tf.cast(pictures, tf.float32), training=False), reduce_retracing=True
    )
    parts = []
    for start in range(0, len(indices), _BATCH):
        parts.append(forward(store.read_many(indices[start : start + _BATCH])).numpy())
        tick(min(start + _BATCH, len(indices)))
    return np.concatenate(parts) if parts else np.zeros((0, teacher.output_shape[1]), np.float32)


@dataclass(frozen=True)
class Hints:
    """The hints of every picture that training draws from, by source and position."""

    photos: dict[int, Features]
    negatives: dict[int, Features]
    rendered: dict[int, Features]
