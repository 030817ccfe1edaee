"""Plots of results as PNG: latency distributions, accuracy against latency, latency over time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.document import INVALID, Document
from fashion_edge.atomic import atomic_file

PLOTS = ("latency.png", "pareto.png", "sustained.png")


def write_plots(document: Document, folder: Path, *, overwrite: bool) -> list[Path]:
    """Write a plot of each finding: latency.png, pareto.png with --photos, sustained.png with --sustained.

    Raises:
        OutputExistsError: a plot exists already.
    """
    from matplotlib.figure import Figure  # `Outputs.check` names the extra that installs it

    written = []
    for name, draw in zip(PLOTS, (_draw_latency, _draw_pareto, _draw_sustained), strict=True):
        figure = Figure(figsize=(8, 4.5), layout="constrained")
        if draw(document, figure.subplots()):
            with atomic_file(folder / name, overwrite=overwrite) as part:
                figure.savefig(part, dpi=120)
            written.append(folder / name)
    return written


def _draw_latency(document: Document, axes: Any) -> bool:
    """The complementary distribution: its tail is readable, and it does not depend on a bin width."""
    for result in (result for result in document.results if len(result.samples)):
        ranked = np.sort(result.samples)
        axes.step(ranked, 1 - np.arange(len(ranked)) / len(ranked), where="post", label=result.case.name)
    axes.set(xscale="log", yscale="log", xlabel="latency, ms", ylabel="share of inferences slower", title="Latency")
    axes.grid(alpha=0.3)
    if axes.lines:
        axes.legend(fontsize=8)
    return bool(axes.lines)


def _draw_pareto(document: Document, axes: Any) -> bool:
    """Of a result that is not valid the time is not known, so it is left out."""
    known = [result for result in document.results if result.verdict != INVALID and len(result.samples)]
    points = []
    for result in known:
        if result.accuracy and (share := result.accuracy.exact_match) is not None:
            points.append((result.quantile("p50"), share))
            label = f"{result.case.name}: {points[-1][0]:.3g} ms, {share:.1%}"
            axes.plot(*points[-1], "o", clip_on=False, label=label)
    if points:
        axes.step(*zip(*pareto_front(points), strict=True), where="post", color="grey", zorder=0)
        axes.legend(fontsize=8)
    axes.set(xlabel="p50, ms", ylabel="exact match", title="Accuracy against latency; the line is the Pareto front")
    axes.set_xlim(left=0)
    axes.set_ylim(top=min(1, axes.get_ylim()[1]))
    axes.grid(alpha=0.3)
    return bool(points)


def pareto_front(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points (latency, accuracy) that no other beats in both, by rising latency."""
    front: list[tuple[float, float]] = []
    for latency, share in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or share > front[-1][1]:
            front.append((latency, share))
    return front


def _draw_sustained(document: Document, axes: Any) -> bool:
    runs = document.sections.sustained
    for run in runs:
        start = [window.start_s for window in run.windows]
        axes.plot(start, [window.p50_ms for window in run.windows], label=f"{run.name} p50")
        axes.plot(start, [window.p90_ms for window in run.windows], label=f"{run.name} p90")
    heat = [(w.start_s, w.temperature_c) for run in runs for w in run.windows if w.temperature_c]
    if heat:
        right = axes.twinx()
        right.plot(*zip(*heat, strict=True), color="tab:red", alpha=0.5)
        right.set_ylabel("temperature, °C")
    axes.set(xlabel="seconds", ylabel="ms", title="Sustained")
    axes.set_ylim(bottom=0)
    if runs:
        axes.legend(fontsize=8)
    return bool(runs)
