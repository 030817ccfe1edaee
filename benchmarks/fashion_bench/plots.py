"""Pictures of the figures: latency distributions, accuracy against latency, the sustained curve, as PNG."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.document import Document
from fashion_bench.outputs import PLOTS
from fashion_bench.results import Result
from fashion_bench.verdict import INVALID
from fashion_edge.atomic import atomic_file
from fashion_edge.errors import MissingExtraError

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


def pareto_front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Places of the points (latency, accuracy) that no other beats in both, by rising latency."""
    front: list[int] = []
    best = -np.inf
    for place in sorted(range(len(points)), key=lambda i: (points[i][0], -points[i][1])):
        if points[place][1] > best:
            best = points[place][1]
            front.append(place)
    return front


def write_plots(document: Document, folder: Path, *, overwrite: bool) -> list[Path]:
    """Write what the document carries: latency.png, pareto.png with --photos, sustained.png with --sustained.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputExistsError: a plot is there already.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "bench") from error
    written = []
    for name, draw in zip(PLOTS, (_draw_latency, _draw_pareto, _draw_sustained), strict=True):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        if draw(document, figure.subplots()):
            with atomic_file(folder / name, overwrite=overwrite) as part:
                figure.savefig(part, dpi=120)
            written.append(folder / name)
    return written


def _draw_latency(document: Document, axes: Any) -> bool:
    """How many are slower than x: the tail is readable, and no bin width flatters."""
    for result in (result for result in document.results if len(result.samples)):
        ranked = np.sort(result.samples)
        axes.step(ranked, 1 - np.arange(len(ranked)) / len(ranked), where="post", label=result.case.name)
    axes.set(xscale="log", yscale="log", xlabel="latency, ms", ylabel="share of inferences slower", title="Latency")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=8)
    return bool(axes.lines)


def _draw_pareto(document: Document, axes: Any) -> bool:
    named = accuracy_points(document.results)
    points = [(latency, share) for _, latency, share in named]
    for name, latency, share in named:
        axes.plot(latency, share, "o", clip_on=False, label=f"{name}: {latency:.3g} ms, {share:.1%}")
    front = [points[i] for i in pareto_front(points)]
    axes.step(*zip(*front, strict=True), where="post", color="grey", zorder=0) if front else None
    if points:
        axes.legend(fontsize=8)
    axes.set(xlabel="p50, ms", ylabel="exact match", title="Accuracy against latency; the line is the Pareto front")
    axes.set_xlim(left=0)
    axes.set_ylim(top=min(1, axes.get_ylim()[1]))  # nothing matches more than exactly
    axes.grid(alpha=0.3)
    return bool(points)


def _draw_sustained(document: Document, axes: Any) -> bool:
    runs: Sequence[Mapping[str, Any]] = (document.sections or {}).get("sustained", [])
    for run in runs:
        start = [window["start_s"] for window in run["windows"]]
        for key in ("p50_ms", "p90_ms"):
            label = f"{run['name']} {key.removesuffix('_ms')}"
            axes.plot(start, [window[key] for window in run["windows"]], label=label)
    heat = [(w["start_s"], w["temperature_c"]) for run in runs for w in run["windows"] if w["temperature_c"]]
    if heat:
        right = axes.twinx()
        right.plot(*zip(*heat, strict=True), color="tab:red", alpha=0.5)
        right.set_ylabel("temperature, °C")
    axes.set(xlabel="seconds", ylabel="ms", title="Sustained")
    axes.set_ylim(bottom=0)
    if runs:
        axes.legend(fontsize=8)
    return bool(runs)


def accuracy_points(results: Sequence[Result]) -> list[tuple[str, float, float]]:
    """(name, p50, exact match) of the results that have both; of one that is not valid no time is known."""
    return [
        (result.case.name, result.quantile("p50"), result.extras["accuracy"]["exact_match"])
        for result in results
        if result.verdict != INVALID
        and len(result.samples)
        and result.extras.get("accuracy", {}).get("exact_match") is not None
    ]
