"""The ceiling: what this CPU computes at best, measured, against what a variant makes of it."""

import time
from collections.abc import Sequence
from typing import Any

from fashion_bench.graph import dense_model
from fashion_bench.results import Result

SHAPES = ((64, 512, 512), (256, 512, 512), (256, 1024, 1024))  # rows, inputs, outputs: fit L2, L3, neither
SECONDS = 0.25  # for each shape
INT8 = ("int8",)


def measure_peak(threads: int) -> dict[str, float]:
    """{"float32", "int8"}: operations a second of the best of a few large matrix products, in LiteRT's own kernels."""
    return {name: max(_rate(shape, threads, int8=name == "int8") for shape in SHAPES) for name in ("float32", "int8")}


def _rate(shape: tuple[int, int, int], threads: int, *, int8: bool) -> float:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=dense_model(*shape, int8=int8), num_threads=threads)
    interpreter.allocate_tensors()
    best, begin = float("inf"), time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        interpreter.invoke()
        best = min(best, time.perf_counter() - start)
    rows, inputs, outputs = shape
    return 2 * rows * inputs * outputs / best


def against_peak(result: Result, operations: int | None, peaks: dict[int, dict[str, float]]) -> dict[str, Any]:
    """What goes beside the result: operations, their rate at p50, and the share of the peak."""
    if operations is None or not len(result.samples):
        return {"operations": operations}
    rate = operations / (result.quantile("p50") / 1e3)
    kind = "int8" if result.case.precision in INT8 else "float32"
    peak = peaks.get(result.case.threads, {}).get(kind)
    return {
        "operations": operations,
        "gops": round(rate / 1e9, 3),
        "peak_gops": round(peak / 1e9, 2) if peak else None,
        "share_of_peak": round(rate / peak, 4) if peak else None,
    }


def describe_ceiling(results: Sequence[Result]) -> list[str]:
    """One line a case that has both."""
    lines = []
    for result in results:
        found = result.extras.get("ceiling", {})
        if found.get("peak_gops") and found["operations"] and len(result.samples):
            rate = found["operations"] / (result.quantile("p50") * 1e6)  # billion a second, from the samples themselves
            lines.append(
                f"{result.case.name}: {found['operations'] / 1e6:.1f} million operations at {rate:.1f} of "
                f"{found['peak_gops']:.0f} billion a second, {rate / found['peak_gops']:.0%} of this CPU's measured "
                "peak"
            )
    return lines
