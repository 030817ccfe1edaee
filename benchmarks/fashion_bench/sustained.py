"""Latency over minutes: what heat and clocks leave of a burst."""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.cases import Case
from fashion_bench.machine import throttle_changes
from fashion_bench.measure import Probe, Settings, other_cores, read_load
from fashion_bench.stats import quantile_interval
from fashion_bench.verdict import BUSY_CORES, INVALID, STEADY_GOVERNORS, UNSTABLE, VALID
from fashion_edge.bundle import Bundle
from fashion_edge.errors import UsageError
from fashion_edge.telemetry import ROOT, read_telemetry

WINDOWS = 60
SHORTEST_WINDOW = 1.0  # seconds
SLOWER = 1.05  # sustained over burst above which the device does not hold its speed
UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True)
class Window:
    """One stretch of inference without pause."""

    start_s: float
    samples: int
    p50_ms: float
    p90_ms: float
    p99_ms: float | None
    max_ms: float
    clock_mhz: float | None
    temperature_c: float | None
    throttled: int | None
    other_cores: float | None


def parse_duration(text: str) -> float:
    """Seconds of `90s`, `10m`, `1h` or `45`.

    Raises:
        UsageError: none of these.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smh]?)", text.strip())
    if not found or not float(found[1]):
        raise UsageError(f"duration {text!r} is not a number with s, m or h behind it, like 10m")
    return float(found[1]) * UNITS[found[2] or "s"]


def measure_sustained(
    bundle: Bundle,
    case: Case,
    seconds: float,
    settings: Settings,
    progress: Callable[[str, int, int], None],
    root: Path = ROOT,
) -> list[Window]:
    """Run one case flat out in windows; the samples of a window are summed up and let go."""
    count = max(2, min(WINDOWS, int(seconds / SHORTEST_WINDOW)))
    windows: list[Window] = []
    with Probe(case, bundle) as probe:
        probe.ask("load")
        probe.ask("run", seconds=settings.warmup_seconds, samples=settings.warmup_runs, limit=settings.max_seconds)
        before = begin = read_load()
        for done in range(count):
            progress(f"sustained {case.name}", done, count)
            reply = probe.ask("run", seconds=seconds / count, samples=1, limit=seconds)
            after, state = read_load(), read_telemetry(root)
            samples = np.array(reply["ms"])
            windows.append(
                Window(
                    start_s=round(before.at - begin.at, 2),
                    samples=len(samples),
                    p50_ms=round(float(np.quantile(samples, 0.5)), 5),
                    p90_ms=round(float(np.quantile(samples, 0.9)), 5),
                    p99_ms=round(float(np.quantile(samples, 0.99)), 5) if quantile_interval(samples, 0.99) else None,
                    max_ms=float(samples.max()),
                    clock_mhz=state.clock_mhz,
                    temperature_c=state.temperature_c,
                    throttled=state.throttle_bits,
                    other_cores=other_cores(before, after, reply["cpu_seconds"]),
                )
            )
            before = after
    return windows


def judge_sustained(case: Case, windows: Sequence[Window], governor: str | None) -> dict[str, Any]:
    """Burst against sustained, verdict and reasons, with the windows; plain JSON."""
    p50 = np.array([window.p50_ms for window in windows])
    tail = p50[-max(1, len(p50) // 3) :]
    burst, sustained = float(p50[0]), float(np.median(tail))
    invalid = _throttle_reasons(windows)
    unstable = _load_reasons(windows) + _speed_reasons(sustained / burst, windows, governor)
    return {
        "variant": case.file,
        "name": case.name,
        "burst_p50_ms": burst,
        "sustained_p50_ms": sustained,
        "ratio": round(sustained / burst, 4),
        "verdict": INVALID if invalid else UNSTABLE if unstable else VALID,
        "reasons": [*invalid, *unstable],
        "windows": [asdict(window) for window in windows],
    }


def _throttle_reasons(windows: Sequence[Window]) -> list[str]:
    first = windows[0].throttled
    words = {word for window in windows for word in throttle_changes(first, window.throttled)}
    return [f"the board reports {', '.join(sorted(words))}"] if words else []


def _load_reasons(windows: Sequence[Window]) -> list[str]:
    known = [window.other_cores for window in windows if window.other_cores is not None]
    other = float(np.median(known)) if known else 0.0
    return [f"other programs keep {other:.1f} cores busy"] if other > BUSY_CORES else []


def _speed_reasons(ratio: float, windows: Sequence[Window], governor: str | None) -> list[str]:
    if ratio <= SLOWER:
        return []
    clocks = [window.clock_mhz for window in windows if window.clock_mhz]
    moved = f", clock {clocks[0]:.0f} to {clocks[-1]:.0f} MHz" if clocks else ""
    hint = f" under governor {governor}" if governor and governor not in STEADY_GOVERNORS else ""
    return [f"sustained is {ratio:.2f}x the burst{moved}{hint}"]
