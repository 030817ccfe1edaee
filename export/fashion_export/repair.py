"""Make a network fit for int8 without changing what it computes, as far as the mathematics allows.

Silencing: behind a ReLU, a unit that never fires has a variance near 0, and so a batch-norm scale hundreds of times the
usual. Its output is a constant; it becomes one. Rescaling: relu(k x) = k relu(x) for k > 0, so the magnitude of the
scales that remain moves into the weights before the ReLU, where int8 has a scale per channel. Equalising: between two
weighted layers with such an activation, a channel may be divided before and multiplied behind (Nagel et al., "Data-Free
Quantization Through Weight Equalization and Bias Correction", 2019, section 4.1).
"""

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


@dataclass(frozen=True)
class Finding:
    """One layer whose channels differ too much."""

    layer: str
    what: str  # "scale" or "weights per input channel"
    largest: float
    usual: float  # the median

    @property
    def ratio(self) -> float:
        """How many times the usual channel the largest is."""
        return self.largest / self.usual if self.usual else float("inf")

    def __str__(self) -> str:
        return f"{self.layer}: {self.what} up to {self.largest:.3g} where {self.usual:.2g} is usual"


def examine(graph: Graph, limit: float = LIMIT) -> list[Finding]:
    """Findings, worst first."""
    findings = [found for layer in graph.layers if (found := _examine_layer(graph, layer)) and found.ratio > limit]
    return sorted(findings, key=lambda found: -found.ratio)


def after_rectifier(graph: Graph, layer: Any) -> bool:
    """Whether a batch norm stands behind an activation, so that no weights before it can take its scale."""
    return next((is_rectifier(before) or kind(before) == "ReLU" for before in graph.backward(layer.name)), False)


def column_ranges(layer: Any) -> Vector:
    """Largest weight magnitude per input channel of a Dense or Conv2D."""
    kernel = np.abs(np.asarray(layer.kernel, np.float64))
    ranges: Vector = kernel.max(axis=tuple(axis for axis in range(kernel.ndim) if axis != kernel.ndim - 2))
    return ranges


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


DEAD = 0.01  # of the median contribution: measured on the tutorial's network, where it leaves the float scores alone
MAX_CHANGE = 0.02  # largest float score difference on calibration photos that a mend may make


@dataclass(frozen=True)
class Mending:
    """What was found and what was done; `model` is the mended copy, or the model itself."""

    model: Any
    findings: tuple[Finding, ...]  # before
    remaining: tuple[Finding, ...]  # after
    deeds: tuple[str, ...]  # one sentence each
    change: float  # largest float score difference on the calibration photos


def mend(model: Any, pixels: NDArray[np.uint8]) -> Mending:
    """Mend a copy of `model` where `examine` finds something; pixels (n, h, w, 3) uint8 are the calibration photos.

    The mended copy is dropped where its float scores differ from the model's by more than `MAX_CHANGE`.
    """
    try:
        graph = read_graph(copy_network(model))
    except (TypeError, ValueError):
        return Mending(
            model, (), (), ("nothing: a SavedModel, or a layer without a config, cannot be looked into",), 0.0
        )
    findings = tuple(examine(graph))
    if not findings or not len(pixels):
        return Mending(model, findings, findings, (), 0.0)
    deeds = [deed for layer in graph.layers if (deed := _mend_layer(graph, layer, pixels))]
    change = float(np.abs(keras_scores(model, pixels) - keras_scores(graph.model, pixels)).max())
    if not change <= MAX_CHANGE:
        note = f"mending changed the float scores by {change:.3f}, above {MAX_CHANGE:g}, and was undone"
        return Mending(model, findings, findings, (note,), 0.0)
    return Mending(graph.model, findings, tuple(examine(graph)), tuple(deeds), change)


def _mend_layer(graph: Graph, layer: Any, pixels: NDArray[np.uint8]) -> str | None:
    if kind(layer) == "BatchNormalization" and after_rectifier(graph, layer) and layer.scale and layer.center:
        return _mend_batch_norm(graph, layer, pixels)
    if kind(layer) in WEIGHTED:
        return _equalise(graph, layer, pixels)
    return None


def _mend_batch_norm(graph: Graph, layer: Any, pixels: NDArray[np.uint8]) -> str | None:
    scale, shift = batch_norm(layer)
    mean, deviation, _ = channel_ranges(graph.model, layer, pixels)
    contribution = np.abs(scale) * deviation
    dead = contribution < DEAD * np.median(contribution)
    shift, scale = np.where(dead, shift + scale * mean, shift), np.where(dead, 0.0, scale)
    producer = _producer(graph, layer)
    moved = np.where(dead, 1.0, np.abs(scale))
    if producer is not None:
        _multiply_outputs(producer, moved)
        scale = scale / moved
    if producer is None and not dead.any():
        return None
    set_batch_norm(layer, scale, shift)
    deeds = [f"{int(dead.sum())} of {len(dead)} units that never fire made constant"] if dead.any() else []
    deeds += [f"scales {moved.min():.2g}..{moved.max():.2g} moved into {producer.name}"] if producer is not None else []
    return f"{layer.name}: {', '.join(deeds)}"


def _producer(graph: Graph, layer: Any) -> Any | None:
    """The Dense or Conv2D before a batch norm, where all in between lets a positive factor through."""
    for before in graph.backward(layer.name):
        if kind(before) in WEIGHTED:
            return before if is_homogeneous(before) else None
        if kind(before) not in PASSIVE and not is_homogeneous(before):
            return None
    return None


def _consumer(graph: Graph, layer: Any) -> Any | None:
    """The Dense or Conv2D behind a layer, where all in between lets a positive factor through."""
    for behind in graph.forward(layer.name):
        if kind(behind) in WEIGHTED:
            return behind
        if kind(behind) not in PASSIVE and not is_homogeneous(behind):
            return None
    return None


def _equalise(graph: Graph, layer: Any, pixels: NDArray[np.uint8]) -> str | None:
    """Share the ranges of the channels between `layer` and the weighted layer behind it."""
    consumer = _consumer(graph, layer) if is_homogeneous(layer) else None
    if consumer is None:
        return None
    columns = column_ranges(consumer)
    _, _, largest = channel_ranges(graph.model, consumer, pixels)
    alive, silent = (columns > 0) & (largest > 0), (columns > 0) & (largest == 0)
    if not alive.any() or _spread(columns[columns > 0]) <= LIMIT:
        return None
    factor = np.ones_like(columns)
    factor[alive] = np.sqrt(columns[alive] / largest[alive])
    factor[alive] /= np.exp(np.log(factor[alive]).mean())  # leaves the layer's overall range where it was
    factor[silent] = columns[silent] / np.median((columns / factor)[alive])  # it has no range to share
    _multiply_outputs(layer, factor)
    consumer.kernel.assign(np.asarray(consumer.kernel) / factor[:, None])
    return f"{layer.name} and {consumer.name}: channel ranges shared, factors {factor.min():.2g}..{factor.max():.2g}"


def _spread(values: Vector) -> float:
    return float(values.max() / np.median(values))


def _multiply_outputs(layer: Any, factor: Vector) -> None:
    layer.kernel.assign(np.asarray(layer.kernel) * factor)
    if layer.use_bias:
        layer.bias.assign(np.asarray(layer.bias) * factor)
