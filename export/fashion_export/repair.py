"""Make a network fit for int8 without changing what it computes, as far as the mathematics allows.

Dead units: after a ReLU, a unit that never fires has a variance near 0, and so a batch-norm scale hundreds of times the
usual. Its output is constant, so it is folded into the shift. Folding: relu(k x) = k relu(x) for k > 0, so the
magnitude of the remaining scales moves into the weights before the ReLU, where int8 has a scale per channel.
Equalization: between two weighted layers with such an activation, a channel may be divided before and multiplied after
(Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_export.graph import (
    PASSIVE,
    WEIGHTED,
    Graph,
    Vector,
    batch_norm,
    channel_ranges,
    copy_network,
    is_homogeneous,
    is_rectifier,
    kind,
    read_graph,
    set_batch_norm,
)
from fashion_export.source import keras_scores

LIMIT = 20.0  # leaves the usual channel 6 steps of 127
DEAD = 0.01  # of the median contribution: measured on the tutorial's network, where it does not change float scores
MAX_CHANGE = 0.02  # largest float score difference on calibration photos that a repair may cause


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
    return next((is_rectifier(before) or kind(before) == "ReLU" for before in graph.backward(layer.name)), False)


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
    producer = _find_weighted(graph.backward(layer.name))
    if producer is not None and not is_homogeneous(producer):
        producer = None
    moved = np.where(dead, 1.0, np.abs(scale))
    if producer is not None:
        _multiply_outputs(producer, moved)
        scale = scale / moved
    if producer is None and not dead.any():
        return None
    set_batch_norm(layer, scale, shift)
    steps = [f"{int(dead.sum())} of {len(dead)} units that never fire made constant"] if dead.any() else []
    steps += [f"scales {moved.min():.2g}..{moved.max():.2g} moved into {producer.name}"] if producer is not None else []
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
    if not alive.any() or _spread(columns[columns > 0]) <= LIMIT:
        return None
    factor = np.ones_like(columns)
    factor[alive] = np.sqrt(columns[alive] / largest[alive])
    factor[alive] /= np.exp(np.log(factor[alive]).mean())  # keeps the layer's overall range
    factor[dead] = columns[dead] / np.median((columns / factor)[alive])  # they have no range
    _multiply_outputs(layer, factor)
    consumer.kernel.assign(np.asarray(consumer.kernel) / factor[:, None])
    return f"{layer.name} and {consumer.name}: channel ranges equalized, factors {factor.min():.2g}..{factor.max():.2g}"


def _spread(values: Vector) -> float:
    return float(values.max() / np.median(values))


def _multiply_outputs(layer: Any, factor: Vector) -> None:
    layer.kernel.assign(np.asarray(layer.kernel) * factor)
    if layer.use_bias:
        layer.bias.assign(np.asarray(layer.bias) * factor)
