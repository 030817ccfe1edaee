"""A Keras model as a graph of layers, and what repairing it needs to know of a layer."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]

PASSIVE = ("Dropout", "SpatialDropout2D", "GaussianDropout", "MaxPooling2D", "InputLayer")  # keep channels, commute
WEIGHTED = ("Conv2D", "Dense")


@dataclass(frozen=True)
class Graph:
    """Layers in order; a layer that is used twice or contains layers has no neighbours, so it is not changed."""

    model: Any
    layers: tuple[Any, ...]
    before: Mapping[str, tuple[str, ...]]  # layer name -> names of the layers that produce its inputs
    after: Mapping[str, tuple[str, ...]]

    def __getitem__(self, name: str) -> Any:
        return next(layer for layer in self.layers if layer.name == name)

    def backward(self, name: str) -> Iterator[Any]:
        """The layers before `name`, nearest first, up to where the path joins or forks."""
        while len(self.before[name]) == 1 and len(self.after[self.before[name][0]]) == 1:
            name = self.before[name][0]
            yield self[name]

    def forward(self, name: str) -> Iterator[Any]:
        """The layers after `name`, nearest first, up to where the path joins or forks."""
        while len(self.after[name]) == 1 and len(self.before[self.after[name][0]]) == 1:
            name = self.after[name][0]
            yield self[name]


def copy_network(model: Any, image: Any = None, front: Any = None, mark: str = "") -> Any:
    """A functional copy with its own layers and weights, each layer used once.

    A loaded Sequential's layers keep the inputs of every build, and so have no single neighbour.

    A Sequential may get another `image`, which has become `front` when it reaches the first layer. `mark` and a number
    are appended to each layer's name.
    """
    import keras

    number = {layer.name: i for i, layer in enumerate(model.layers)}

    def fresh(layer: Any) -> Any:
        renamed = {"name": f"{layer.name}{mark}{number[layer.name]}"} if mark else {}
        return type(layer).from_config({**layer.get_config(), **renamed})

    if not isinstance(model, keras.Sequential):
        copy = keras.models.clone_model(model, clone_function=fresh)
    else:
        image = keras.Input(tuple(model.inputs[0].shape[1:])) if image is None else image
        values = image if front is None else front
        for layer in model.layers:
            values = fresh(layer)(values)
        copy = keras.Model(image, values, name=model.name)
    copy.set_weights(model.get_weights())
    return copy


def read_graph(model: Any) -> Graph:
    """The graph of a functional model; give a Sequential to `copy_network` first."""
    producers: dict[int, str] = {}
    inputs_of: dict[str, tuple[Any, ...]] = {}
    for layer in model.layers:
        try:
            inputs, output = layer.input, layer.output
        except (AttributeError, ValueError):  # used twice: no single input
            continue
        inputs_of[layer.name] = tuple(inputs) if isinstance(inputs, list | tuple) else (inputs,)
        if not isinstance(output, list | tuple) and not hasattr(layer, "layers"):
            producers[id(output)] = layer.name
    known = {name: tuple(producers.get(id(t), "") for t in tensors) for name, tensors in inputs_of.items()}
    names = [layer.name for layer in model.layers]
    before = {name: tuple(other for other in known.get(name, ()) if other not in ("", name)) for name in names}
    after = {name: tuple(other for other, inputs in before.items() if name in inputs) for name in names}
    return Graph(model, tuple(model.layers), before, after)


def kind(layer: Any) -> str:
    """The layer's class name."""
    return type(layer).__name__


def is_homogeneous(layer: Any) -> bool:
    """Whether f(k x) = k f(x) for every k > 0, with f the layer or the layer's own activation; ReLU6 is not."""
    name = kind(layer)
    if name == "ReLU":
        return layer.max_value is None and not layer.threshold
    if name == "LeakyReLU":
        return True
    activation = getattr(layer, "activation", None)
    return getattr(activation, "__name__", "") in ("relu", "linear", "leaky_relu") if activation else False


def is_rectifier(layer: Any) -> bool:
    """Whether the layer, or its own activation, is homogeneous and not the identity."""
    if not is_homogeneous(layer):
        return False
    activation = getattr(layer, "activation", None)
    return activation is None or getattr(activation, "__name__", "") != "linear"


def batch_norm(layer: Any) -> tuple[Vector, Vector]:
    """Scale and shift, each (channels,), of a BatchNormalization at inference: y = scale * x + shift."""
    mean, variance = (np.asarray(w, np.float64) for w in (layer.moving_mean, layer.moving_variance))
    gamma = np.asarray(layer.gamma, np.float64) if layer.scale else np.ones_like(mean)
    beta = np.asarray(layer.beta, np.float64) if layer.center else np.zeros_like(mean)
    scale = gamma / np.sqrt(variance + layer.epsilon)
    return scale, beta - scale * mean


def set_batch_norm(layer: Any, scale: Vector, shift: Vector) -> None:
    """Make a BatchNormalization with gamma and beta apply `scale` and `shift`."""
    layer.moving_mean.assign(np.zeros_like(scale))
    layer.moving_variance.assign(np.ones_like(scale) - layer.epsilon)
    layer.gamma.assign(scale)
    layer.beta.assign(shift)


def channel_ranges(model: Any, layer: Any, pixels: NDArray[np.uint8], batch: int = 32) -> tuple[Vector, Vector, Vector]:
    """Mean, standard deviation and largest magnitude per channel of a layer's input, over `pixels`."""
    import keras

    probe = keras.Model(model.inputs, layer.input)
    count, total, squares = 0, 0.0, 0.0
    largest: Any = 0.0
    for i in range(0, len(pixels), batch):
        values = np.asarray(probe(pixels[i : i + batch].astype(np.float32), training=False), np.float64)
        rows = values.reshape(-1, values.shape[-1])
        count += len(rows)
        total = total + rows.sum(axis=0)
        squares = squares + (rows**2).sum(axis=0)
        largest = np.maximum(largest, np.abs(rows).max(axis=0))
    mean = np.asarray(total / count)
    return mean, np.sqrt(np.maximum(squares / count - mean**2, 0)), np.asarray(largest)
