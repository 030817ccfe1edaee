"""The networks that `--arch` names, built of Keras' own layers; their input is float32 RGB pixels 0..255.

`compact`, the default, is made for int8: plain 3x3 convolutions, batch normalisation, ReLU6 and one pooling. Batch
normalisation folds into the convolution, and ReLU6 keeps activations in 0..6, so eight bits hold them. Convolutions are
dense, not separable: at this width int8 kernels run a dense 3x3 as fast as a separable one, and it trains twice as fast
on a CPU. The first one cuts the picture into patches of 4 x 4 pixels. Two overlapping convolutions of stride 2 in its
place make the network slower by a fifth in int8 and by a third in training, and are hardly better after as many epochs.
Source: Xiao et al., "Early convolutions help transformers see better", 2021, on patches and their disadvantages.

`smallervgg` is SmallerVGGNet, layer for layer the network of the tutorial that this project is compared with.
Source: A. Rosebrock, "Multi-label classification with Keras", PyImageSearch, 2018.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from fashion_edge.errors import UsageError
from fashion_train.data.augment import Size


@dataclass(frozen=True)
class Architecture:
    """A network that `--arch` can name."""

    input_size: Size  # default
    build: Callable[..., keras.Model]  # from the input's size, the number of labels, the task and a seed


def scores_layer(labels: int, task: str, seed: int) -> keras.Layer:
    """The last layer of every network: one score per label, in float32 whatever the rest computes in."""
    return keras.layers.Dense(
        labels,
        activation="sigmoid" if task == "multi-label" else "softmax",
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        name="scores",
        dtype="float32",  # a float16 sigmoid saturates
    )


@contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """Networks built in the block compute in float16 and keep their weights in float32, where `mixed` is true.

    Source: Micikevicius et al., "Mixed precision training", 2018.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16" if mixed else before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


# Kernel, channels and stride of the convolutions of `compact`.
STAGES = ((4, 32, 4), (3, 56, 2), (3, 56, 1), (3, 96, 2), (3, 96, 1), (3, 96, 1), (1, 192, 1))


def build_compact(size: Size, labels: int, task: str = "multi-label", seed: int = 0) -> keras.Model:
    """Input (height, width, 3) float32 pixels 0..255, output (labels,) scores."""
    image = keras.Input((*size, 3), name="image")
    x = layers.Rescaling(1 / 128, offset=-127 / 128)(image)
    for index, (kernel, channels, stride) in enumerate(STAGES):
        x = _compact_stage(x, kernel, channels, stride, f"conv{index}", seed + index)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.2, seed=seed, name="dropout")(x)
    return keras.Model(image, scores_layer(labels, task, seed)(x), name="compact")


def _compact_stage(x: Any, kernel: int, channels: int, stride: int, name: str, seed: int) -> Any:
    """Convolution, batch normalisation and ReLU6, with a shortcut where the shape stays the same."""
    start = keras.initializers.HeNormal(seed)
    y = layers.Conv2D(channels, kernel, stride, padding="same", use_bias=False, kernel_initializer=start, name=name)(x)
    y = layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(y)
    y = layers.ReLU(6, name=f"{name}_relu6")(y)
    same = stride == 1 and x.shape[-1] == channels
    return layers.Add(name=f"{name}_add")([x, y]) if same else y


def build_smallervgg(size: Size, labels: int, task: str = "multi-label", seed: int = 0) -> keras.Model:
    """Input (height, width, 3) float32 pixels 0..255, output (labels,) scores."""
    layer_list: list[keras.Layer] = [
        keras.Input((*size, 3), name="image"),
        layers.Rescaling(1 / 255),
        *_vgg_convolution(32, seed=seed),
        layers.MaxPooling2D(3),
        layers.Dropout(0.25, seed=seed + 1),
    ]
    for stage, filters in enumerate((64, 128)):
        layer_list += [
            *_vgg_convolution(filters, seed=seed + 10 * stage + 2),
            *_vgg_convolution(filters, seed=seed + 10 * stage + 3),
            layers.MaxPooling2D(2),
            layers.Dropout(0.25, seed=seed + 10 * stage + 4),
        ]
    layer_list += [
        layers.Flatten(),
        layers.Dense(1024, kernel_initializer=keras.initializers.GlorotUniform(seed + 30)),
        layers.ReLU(),
        layers.BatchNormalization(),
        layers.Dropout(0.5, seed=seed + 31),
        scores_layer(labels, task, seed + 32),
    ]
    return keras.Sequential(layer_list, name="smallervgg")


def _vgg_convolution(filters: int, seed: int) -> list[keras.Layer]:
    return [
        layers.Conv2D(filters, 3, padding="same", kernel_initializer=keras.initializers.GlorotUniform(seed)),
        layers.ReLU(),
        layers.BatchNormalization(),
    ]


ARCHITECTURES = {
    "compact": Architecture((120, 96), build_compact),
    "smallervgg": Architecture((96, 96), build_smallervgg),
}


def find_architecture(name: str) -> Architecture:
    """The architecture of that name."""
    if name not in ARCHITECTURES:
        raise UsageError(f"--arch {name!r} is not one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
