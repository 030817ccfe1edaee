"""What int8 cannot hold: batch-norm scales and weight ranges that differ too much between channels, by layer.

int8 has 127 steps to either side. A vector or a row with one scale, whose largest entry is `n` times the usual one,
leaves the usual one 127 / n steps.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fashion_export.graph import WEIGHTED, Graph, Vector, batch_norm, is_rectifier, kind

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
