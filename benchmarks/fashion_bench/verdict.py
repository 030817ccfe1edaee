"""Whether results can be trusted, how they compare with a baseline, and which one a device should run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from fashion_bench.cases import Case
from fashion_bench.document import INVALID, UNSTABLE, VALID, Document, Result, Sustained, Window
from fashion_bench.machine import throttle_changes
from fashion_bench.settings import Timing
from fashion_edge.bundle import Bundle
from fashion_edge.errors import GateError
from fashion_edge.loading import Profile
from fashion_edge.statistics import Ratio, compare

BUSY_CORES = 0.10  # other programs' share of a core above which tails are theirs, not the model's
ROUND_SPREAD = 0.10  # medians of the rounds may lie this far apart, as a share of their median
CLOCK_SPREAD = 0.05  # clocks may differ by this share between readings
SLOWER = 1.05  # sustained over first p50 above which the device does not hold its speed
STEADY_GOVERNORS = ("performance", "userspace")
DEVICE_ENGINES = ("litert", "onnx")  # what fashion-edge runs


def evaluate(result: Result, timing: Timing, cores: int, governor: str | None) -> Result:
    """A copy of the result with its verdict and the reasons.

    Args:
        result: what was measured.
        timing: its `min_seconds` and `min_samples` must be reached.
        cores: how many the process may use.
        governor: cpufreq governor, for the reasons.
    """
    other = _median_other_cores([block.other_cores for block in result.rounds])
    crowded = other > BUSY_CORES and result.threads + other > cores + BUSY_CORES
    invalid = [
        *_too_little(result, timing),
        *_throttled([block.throttled for block in result.rounds]),
        *([f"other programs keep {other:.1f} of {cores} cores busy, {result.threads} are needed here"] * crowded),
    ]
    busy = [] if crowded else _busy(other)
    unstable = [*busy, *_rounds_apart(result), *_clock_moved(result, governor)]
    verdict = INVALID if invalid else UNSTABLE if unstable else VALID
    return replace(result, verdict=verdict, reasons=(*invalid, *unstable))


def evaluate_sustained(case: Case, windows: Sequence[Window], governor: str | None) -> Sustained:
    """Compare the first window with the last third, and say whether the device holds its speed."""
    p50 = [window.p50_ms for window in windows]
    first, sustained = p50[0], float(np.median(p50[-max(1, len(p50) // 3) :]))
    invalid = _throttled([(windows[0].throttled, window.throttled) for window in windows])
    unstable = _busy(_median_other_cores([window.other_cores for window in windows]))
    if sustained / first > SLOWER:
        clocks = [window.clock_mhz for window in windows if window.clock_mhz]
        moved = f", clock {clocks[0]:.0f} to {clocks[-1]:.0f} MHz" if clocks else ""
        unstable.append(f"sustained is {sustained / first:.2f}x the first window{moved}{_governor_hint(governor)}")
    return Sustained(
        variant=case.file,
        name=case.name,
        burst_p50_ms=first,
        sustained_p50_ms=sustained,
        ratio=round(sustained / first, 4),
        verdict=INVALID if invalid else UNSTABLE if unstable else VALID,
        reasons=(*invalid, *unstable),
        windows=list(windows),
    )


def _too_little(result: Result, timing: Timing) -> Iterator[str]:
    count, seconds = len(result.samples), sum(block.seconds for block in result.rounds)
    if count < timing.min_samples:
        yield f"{count} samples, at least {timing.min_samples} are needed"
    if seconds < timing.min_seconds * 0.999:  # rounds are rounded to 0.1 ms
        yield f"{seconds:.2f} s measured, at least {timing.min_seconds:g} s are needed"


def _throttled(readings: Sequence[tuple[int | None, int | None]]) -> list[str]:
    words = {word for before, after in readings for word in throttle_changes(before, after)}
    return [f"the board reports {', '.join(sorted(words))}"] if words else []


def _median_other_cores(values: Sequence[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.median(known)) if known else 0.0


def _busy(other: float) -> list[str]:
    return [f"other programs keep {other:.1f} cores busy"] if other > BUSY_CORES else []


def _rounds_apart(result: Result) -> list[str]:
    if len(result.by_round) < 2:
        return ["one round only: whether another process would agree is not known"]
    medians = np.array([np.median(block) for block in result.by_round])
    spread = float((medians.max() - medians.min()) / np.median(medians))
    return [f"medians of the rounds lie {spread:.0%} apart"] if spread > ROUND_SPREAD else []


def _clock_moved(result: Result, governor: str | None) -> list[str]:
    clocks = [clock for block in result.rounds for clock in block.clock_mhz if clock is not None]
    if not clocks or (max(clocks) - min(clocks)) / max(clocks) <= CLOCK_SPREAD:
        return []
    return [f"the clock moved between {min(clocks):.0f} and {max(clocks):.0f} MHz{_governor_hint(governor)}"]


def _governor_hint(governor: str | None) -> str:
    return f" under governor {governor}" if governor and governor not in STEADY_GOVERNORS else ""


@dataclass(frozen=True)
class Comparison:
    """One case in both documents; `ratio` is None where one of them has no figures for it."""

    name: str
    ratio: Ratio | None
    doubt: str = ""  # why the ratio is unreliable, or missing

    @property
    def line(self) -> str:
        """`litert int8 x1: 1.90x faster (ratio 0.526, 95 % 0.51-0.54)`."""
        if self.ratio is None:
            return f"{self.name}: {self.doubt}"
        span = self.ratio.interval
        numbers = f"ratio {self.ratio.value:.3f}" + (f", 95 % {span.low:.3f}-{span.high:.3f}" if span else "")
        return f"{self.name}: {self.ratio.words} ({numbers})" + (f"; {self.doubt}" if self.doubt else "")


def compare_documents(before: Document, now: Document) -> list[Comparison]:
    """Compare case by case two documents that come from like machines.

    Args:
        before: the baseline.
        now: the new run.

    Returns:
        Each case of `now`, then each that only the baseline has.

    Example:
        >>> [found.line for found in compare_documents(before, now)]
        ['litert int8 x1: 1.90x faster (ratio 0.526, 95 % 0.510-0.540)']
    """
    old = {_key(result): result for result in before.results}
    new = {_key(result) for result in now.results}
    lost = [Comparison(old[key].case.name, None, "in the baseline, not measured now") for key in old if key not in new]
    return [_compare_one(old.get(_key(result)), result) for result in now.results] + lost


def _key(result: Result) -> tuple[str | None, str, str, int]:
    return (result.variant, result.runtime, result.precision, result.threads)


def _compare_one(before: Result | None, now: Result) -> Comparison:
    name = now.case.name
    if before is None:
        return Comparison(name, None, "new, not in the baseline")
    if not before.by_round:
        return Comparison(name, None, "in the baseline, not compared: it holds no samples there; measure it again")
    if not now.by_round:
        return Comparison(name, None, "in the baseline, not measured now: no samples")
    invalid = [where for where, result in (("the baseline", before), ("this run", now)) if result.verdict == INVALID]
    doubt = f"{' and '.join(invalid)} INVALID: do not rely on it" if invalid else ""
    return Comparison(name, compare(before.by_round, now.by_round), doubt)


def check_gate(comparisons: Sequence[Comparison], gate: float) -> None:
    """Pass only what was measured well enough and is at most `gate` times the baseline.

    Raises:
        GateError: a case is slower than the gate allows, or cannot be compared; the message names each.
    """
    if failures := list(_gate_failures(comparisons, gate)):
        raise GateError(f"the gate {gate:g} says no: {'; '.join(failures)}")


def _gate_failures(comparisons: Sequence[Comparison], gate: float) -> Iterator[str]:
    for found in comparisons:
        if found.ratio is None:
            if "baseline, not" in found.doubt:
                yield found.line
        elif found.ratio.interval is None or found.doubt:
            yield f"{found.name} cannot be compared ({found.doubt or found.ratio.words})"
        elif found.ratio.slower and found.ratio.value > gate:
            yield f"{found.name} is {found.ratio.words}"
    if all(found.ratio is None for found in comparisons):
        yield "no case is in both, so nothing was compared"


def choose_result(results: Sequence[Result], accuracy_floor: float | None) -> Result:
    """The lowest p50 of the valid results that reach the floor of exact match.

    Where the intervals of others overlap that of the fastest, fewer threads win, then the smaller file: where times
    do not differ significantly, the cheaper one is better.

    Raises:
        GateError: none qualifies; the message gives the reason for each.
    """
    reasons = [_why_unfit(result, accuracy_floor) for result in results]
    fit = [result for result, reason in zip(results, reasons, strict=True) if not reason]
    if not fit:
        why = "; ".join(f"{result.case.name}: {reason}" for result, reason in zip(results, reasons, strict=True))
        raise GateError(f"nothing can be chosen ({why or 'nothing was measured'})")
    fastest = min(fit, key=lambda result: result.quantile("p50"))
    limit = fastest.interval("p50")
    assert limit
    alike = [result for result in fit if (found := result.interval("p50")) and found.low <= limit.high]
    return min(alike, key=lambda result: (result.threads, result.bytes, result.quantile("p50")))


def _why_unfit(result: Result, accuracy_floor: float | None) -> str:
    if result.runtime not in DEVICE_ENGINES:
        return "fashion-edge does not run this engine"
    if result.verdict == INVALID or not result.interval("p50"):
        return f"INVALID, {'; '.join(result.reasons) or 'too few samples'}"
    share = result.accuracy.exact_match if result.accuracy else None
    if accuracy_floor is None:
        return ""
    if share is None:
        return "its accuracy was not measured, add --photos"
    return f"exact match {share:.1%} is below {accuracy_floor:.1%}" if share < accuracy_floor else ""


def make_profile(chosen: Result, bundle: Bundle, created: str) -> Profile:
    """The profile that makes `fashion-edge` run the chosen result's variant."""
    variant = next(variant for variant in bundle.manifest.variants if variant.file == chosen.variant)
    figures = f"p50 {chosen.quantile('p50'):.3f} ms"
    if chosen.accuracy and chosen.accuracy.exact_match is not None:
        figures += f", exact match {chosen.accuracy.exact_match:.1%}"
    return Profile(
        file=variant.file,
        sha256=variant.sha256,
        runtime=variant.runtime,
        precision=variant.precision,
        threads=chosen.threads,
        reason=f"fastest here: {figures}",
        created=created,
    )
