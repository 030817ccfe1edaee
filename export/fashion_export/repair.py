"""Make a network fit for int8 without changing what it computes, as far as the mathematics allows.

Dead units: after a ReLU, a unit that never fires has a variance near 0, and so a batch-norm scale hundreds of times the
usual. Its output is constant, so it is folded into the shift. Folding: relu(k x) = k relu(x) for k > 0, so the
magnitude of the remaining scales moves into the weights before the ReLU, where int8 has a scale per channel.
Equalization: between two weighted layers with such an activation, a channel may be divided before and multiplied after
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_export.source import keras_scores

Vector = NDArray[np.float64]
PASSIVE = ("Dropout", "SpatialDropout2D", "GaussianDropout", "MaxPooling2D", "InputLayer")  # keep channels, commute
WEIGHTED = ("Conv2D", "Dense")
LIMIT = 20.0  # leaves the usual channel 6 steps of 127
DEAD = 0.01  # of the median contribution: measured on the tutorial's network, where it does not change float scores
MAX_CHANGE = 0.02  # largest float score difference on calibration photos that a repair may cause


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

    A loaded Sequential's layers keep the inputs of every build, and so have no single neighbour. A Sequential may get
    another `image`, which has become `front` when it reaches the first layer. `mark` and a number are appended to each
    layer's name.
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
    if kind(layer) == "ReLU":
        return layer.max_value is None and not layer.threshold
    return kind(layer) == "LeakyReLU" or _activation(layer) in ("relu", "linear", "leaky_relu")


def _activation(layer: Any) -> str:
    return getattr(getattr(layer, "activation", None), "__name__", "")


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


@dataclass(frozen=True)
class Finding:
    """A layer whose channels differ too much."""

    layer: str
    what: str  # "scale" or "weights per input channel"
    largest: float
    usual: float  # the median

    @property
    def ratio(self) -> float:
        """Largest over usual."""
        return self.largest / self.usual if self.usual else float("inf")

    def __str__(self) -> str:
        return f"{self.layer}: {self.what} up to {self.largest:.3g} where {self.usual:.2g} is usual"


def examine(graph: Graph) -> list[Finding]:
    """Layers that int8 cannot represent well, worst first."""
    findings = [found for layer in graph.layers if (found := _examine_layer(graph, layer)) and found.ratio > LIMIT]
    return sorted(findings, key=lambda found: -found.ratio)


def after_rectifier(graph: Graph, layer: Any) -> bool:
    """Whether a batch norm follows an activation, so that the converter cannot fold it into weights."""
    before = next(graph.backward(layer.name), None)
    return kind(before) in ("ReLU", "LeakyReLU") or _activation(before) in ("relu", "leaky_relu")


def column_ranges(layer: Any) -> Vector:
    """Largest weight magnitude per input channel of a Dense or Conv2D."""
    kernel = np.abs(np.asarray(layer.kernel, np.float64))
    return np.asarray(kernel.reshape(-1, *kernel.shape[-2:]).max(axis=(0, 2)))


def _examine_layer(graph: Graph, layer: Any) -> Finding | None:
    if kind(layer) == "BatchNormalization" and after_rectifier(graph, layer):
        return _finding(layer.name, "scale", np.abs(batch_norm(layer)[0]))
    if kind(layer) in WEIGHTED:
        return _finding(layer.name, "weights per input channel", column_ranges(layer))
    return None


def _finding(layer: str, what: str, values: Vector) -> Finding:
    alive = values[values > 0]
    usual = float(np.median(alive)) if len(alive) else 0.0
    return Finding(layer, what, float(values.max(initial=0)), usual)


@dataclass(frozen=True)
class Repair:
    """What was found and what was done; `model` is the repaired copy, or the model itself."""

    model: Any
    findings: tuple[Finding, ...]  # before
    remaining: tuple[Finding, ...]  # after
    steps: tuple[str, ...]  # one sentence each
    change: float  # largest float score difference on the calibration photos


def repair(model: Any, pixels: NDArray[np.uint8]) -> Repair:
    """Repair a copy of `model` if `examine` finds something; pixels (n, h, w, 3) uint8 are the calibration photos.

    Without photos nothing is changed. The copy is dropped if its float scores differ from the model's by more than
    `MAX_CHANGE`.
    """
    try:
        graph = read_graph(copy_network(model))
    except (TypeError, ValueError):
        return Repair(model, (), (), ("nothing: a SavedModel, or a layer without a config, cannot be inspected",), 0.0)
    findings = tuple(examine(graph))
    if not findings or not len(pixels):
        return Repair(model, findings, findings, (), 0.0)
    steps = [step for layer in graph.layers if (step := _repair_layer(graph, layer, pixels))]
    change = float(np.abs(keras_scores(model, pixels) - keras_scores(graph.model, pixels)).max())
    if not change <= MAX_CHANGE:
        note = f"the repair changed the float scores by {change:.3f}, above {MAX_CHANGE:g}, and was undone"
        return Repair(model, findings, findings, (note,), 0.0)
    return Repair(graph.model, findings, tuple(examine(graph)), tuple(steps), change)


def _repair_layer(graph: Graph, layer: Any, pixels: NDArray[np.uint8]) -> str | None:
    if kind(layer) == "BatchNormalization" and after_rectifier(graph, layer) and layer.scale and layer.center:
        return _fold_batch_norm(graph, layer, pixels)
    if kind(layer) in WEIGHTED:
        return _equalize(graph, layer, pixels)
    return None


def _fold_batch_norm(graph: Graph, layer: Any, pixels: NDArray[np.uint8]) -> str | None:
    scale, shift = batch_norm(layer)
    mean, deviation, _ = channel_ranges(graph.model, layer, pixels)
    contribution = np.abs(scale) * deviation
    dead = contribution < DEAD * np.median(contribution)
    shift, scale = np.where(dead, shift + scale * mean, shift), np.where(dead, 0.0, scale)
    steps = [f"{int(dead.sum())} of {len(dead)} units that never fire made constant"] if dead.any() else []
    producer = _find_weighted(graph.backward(layer.name))
    if producer is not None and is_homogeneous(producer):
        moved = np.where(dead, 1.0, np.abs(scale))
        _multiply_outputs(producer, moved)
        scale = scale / moved
        steps.append(f"scales {moved.min():.2g}..{moved.max():.2g} moved into {producer.name}")
    if not steps:
        return None
    set_batch_norm(layer, scale, shift)
    return f"{layer.name}: {', '.join(steps)}"


def _find_weighted(path: Iterator[Any]) -> Any | None:
    """The nearest Dense or Conv2D, if a positive factor commutes with all layers between."""
    for layer in path:
        if kind(layer) in WEIGHTED:
            return layer
        if kind(layer) not in PASSIVE and not is_homogeneous(layer):
            return None
    return None


def _equalize(graph: Graph, layer: Any, pixels: NDArray[np.uint8]) -> str | None:
    """Balance the channel ranges of `layer` and the weighted layer after it."""
    consumer = _find_weighted(graph.forward(layer.name)) if is_homogeneous(layer) else None
    if consumer is None:
        return None
    columns = column_ranges(consumer)
    _, _, largest = channel_ranges(graph.model, consumer, pixels)
    alive, dead = (columns > 0) & (largest > 0), (columns > 0) & (largest == 0)
    if not alive.any() or columns.max() <= LIMIT * np.median(columns[columns > 0]):
        return None
    factor = np.ones_like(columns)
    factor[alive] = np.sqrt(columns[alive] / largest[alive])
    factor[alive] /= np.exp(np.log(factor[alive]).mean())  # keeps the layer's overall range
    factor[dead] = columns[dead] / np.median((columns / factor)[alive])  # they have no range
    _multiply_outputs(layer, factor)
    consumer.kernel.assign(np.asarray(consumer.kernel) / factor[:, None])
    return f"{layer.name} and {consumer.name}: channel ranges equalized, factors {factor.min():.2g}..{factor.max():.2g}"


def _multiply_outputs(layer: Any, factor: Vector) -> None:
    layer.kernel.assign(np.asarray(layer.kernel) * factor)
    if layer.use_bias:
        layer.bias.assign(np.asarray(layer.bias) * factor)
