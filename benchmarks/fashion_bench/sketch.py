"""The plots as lines of text, for a terminal."""

from collections.abc import Iterator, Sequence

import numpy as np

from fashion_bench.document import Document
from fashion_bench.plots import accuracy_points, pareto_front

LEVELS = " ▁▂▃▄▅▆▇█"
WIDTH = 48


def sketch(document: Document) -> Iterator[str]:
    """Latency histograms on one logarithmic axis, the Pareto front, and the sustained curve, where there are any."""
    measured = [result for result in document.results if len(result.samples)]
    if measured:
        low = min(float(np.quantile(result.samples, 0.001)) for result in measured)
        high = max(float(np.quantile(result.samples, 0.999)) for result in measured)
        edges = np.geomspace(low, max(high, low * 1.01), WIDTH + 1)
        width = max(len(result.case.name) for result in measured)
        yield f"{'latency':<{width}} {low:.3f} ms {'log scale':^{max(9, WIDTH - 22)}} {high:.3f} ms"
        for result in measured:
            yield f"{result.case.name:<{width}} {histogram(result.samples, edges)}"
    points = accuracy_points(document.results)
    front = set(pareto_front([(latency, share) for _, latency, share in points]))
    for place, (name, latency, share) in sorted(enumerate(points), key=lambda entry: entry[1][1]):
        yield f"{'*' if place in front else ' '} {latency:8.3f} ms {share:7.1%}  {name}"
    if points:
        yield "* nothing is both faster and more accurate"
    for run in (document.sections or {}).get("sustained", []):
        curve = np.array([window["p50_ms"] for window in run["windows"]])
        yield f"sustained {run['name']}: p50 {curve.min():.3f}-{curve.max():.3f} ms  {bars(curve)}"


def histogram(samples: Sequence[float] | np.ndarray, edges: np.ndarray) -> str:
    """One character a bin; what lies outside counts in the outermost bins; the root scale keeps tails visible."""
    counts, _ = np.histogram(np.clip(samples, edges[0], edges[-1]), edges)
    return bars(np.sqrt(counts))


def bars(values: np.ndarray) -> str:
    """Heights from 0 to the largest value; anything above 0 is visible."""
    top = float(values.max()) or 1.0
    steps = len(LEVELS) - 1
    return "".join(LEVELS[0 if value <= 0 else max(1, round(value / top * steps))] for value in values)
