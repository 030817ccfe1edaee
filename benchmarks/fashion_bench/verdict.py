"""Now against a baseline, case by case: a ratio with its interval, words, and a gate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from fashion_bench.cases import Case
from fashion_bench.document import Document
from fashion_bench.machine import throttle_changes
from fashion_bench.results import Result, Round
from fashion_bench.stats import Ratio, compare
from fashion_edge.errors import GateError

VALID, UNSTABLE, INVALID = "VALID", "UNSTABLE", "INVALID"
BUSY_CORES = 0.10  # other programs' share of a core above which tails are theirs, not the model's
ROUND_SPREAD = 0.10  # medians of the rounds may lie this far apart, as a share of their median
CLOCK_SPREAD = 0.05  # clocks may differ by this share between readings
STEADY_GOVERNORS = ("performance", "userspace")


@dataclass(frozen=True)
class Needs:
    """The least that makes a figure."""

    seconds: float
    samples: int


def judge(result: Result, needs: Needs, cores: int, governor: str | None) -> Result:
    """A copy of the result with its verdict; `cores` is how many the process may use."""
    invalid = [*_too_little(result, needs), *_throttled(result.rounds), *_crowded(result, cores)]
    busy = [] if _crowded(result, cores) else _busy(result.rounds)
    unstable = [*busy, *_rounds_apart(result), *_clock_moved(result.rounds, governor)]
    verdict = INVALID if invalid else UNSTABLE if unstable else VALID
    return replace(result, verdict=verdict, reasons=(*invalid, *unstable))


def _too_little(result: Result, needs: Needs) -> list[str]:
    count, seconds = len(result.samples), sum(block.seconds for block in result.rounds)
    reasons = []
    if count < needs.samples:
        reasons.append(f"{count} samples, at least {needs.samples} are needed")
    if seconds < needs.seconds * 0.999:  # rounds are written down to 0.1 ms
        reasons.append(f"{seconds:.2f} s measured, at least {needs.seconds:g} s are needed")
    return reasons


def _throttled(rounds: Sequence[Round]) -> list[str]:
    words = {word for block in rounds for word in throttle_changes(*block.throttled)}
    return [f"the board reports {', '.join(sorted(words))}"] if words else []


def _other_cores(rounds: Sequence[Round]) -> float:
    known = [block.other_cores for block in rounds if block.other_cores is not None]
    return float(np.median(known)) if known else 0.0


def _crowded(result: Result, cores: int) -> list[str]:
    other = _other_cores(result.rounds)
    if other > BUSY_CORES and result.case.threads + other > cores + BUSY_CORES:
        return [f"other programs keep {other:.1f} of {cores} cores busy, {result.case.threads} are needed here"]
    return []


def _busy(rounds: Sequence[Round]) -> list[str]:
    other = _other_cores(rounds)
    return [f"other programs keep {other:.1f} cores busy"] if other > BUSY_CORES else []


def _rounds_apart(result: Result) -> list[str]:
    if len(result.by_round) < 2:
        return ["one round only: whether another process would agree is not known"]
    medians = np.array([np.median(block) for block in result.by_round])
    spread = float((medians.max() - medians.min()) / np.median(medians))
    return [f"medians of the rounds lie {spread:.0%} apart"] if spread > ROUND_SPREAD else []


def _clock_moved(rounds: Sequence[Round], governor: str | None) -> list[str]:
    clocks = [clock for block in rounds for clock in block.clock_mhz if clock is not None]
    if not clocks or (max(clocks) - min(clocks)) / max(clocks) <= CLOCK_SPREAD:
        return []
    hint = "" if governor in STEADY_GOVERNORS else f" under governor {governor}"
    return [f"the clock moved between {min(clocks):.0f} and {max(clocks):.0f} MHz{hint}"]


@dataclass(frozen=True)
class Comparison:
    """One case in both documents; `ratio` is None where one of them has no figures for it."""

    name: str
    ratio: Ratio | None
    doubt: str = ""  # why the ratio is not to be relied on

    @property
    def line(self) -> str:
        """`litert int8 x1: 1.90x faster (ratio 0.526, 95 % 0.51-0.54)`."""
        if self.ratio is None:
            return f"{self.name}: {self.doubt}"
        span = self.ratio.interval
        numbers = f"ratio {self.ratio.value:.3f}" + (f", 95 % {span.low:.3f}-{span.high:.3f}" if span else "")
        return f"{self.name}: {self.ratio.words} ({numbers})" + (f"; {self.doubt}" if self.doubt else "")


def compare_documents(before: Document, now: Document) -> list[Comparison]:
    """Each case of `now` and each that only the baseline has, in that order; both come from like machines."""
    old = {_key(result.case): result for result in before.results}
    new = {_key(result.case) for result in now.results}
    lost = [Comparison(old[key].case.name, None, "in the baseline, not measured now") for key in old if key not in new]
    return [_compare_one(old.get(_key(result.case)), result) for result in now.results] + lost


def check_gate(comparisons: Sequence[Comparison], gate: float) -> None:
    """Let pass only what was measured well enough and is at most `gate` times the baseline.

    Raises:
        GateError: a case is slower than the gate allows, or cannot be judged; the message names each.
    """
    if failures := list(_failures(comparisons, gate)):
        raise GateError(f"the gate {gate:g} says no: {'; '.join(failures)}")


def _failures(comparisons: Sequence[Comparison], gate: float) -> Iterator[str]:
    judged = 0
    for found in comparisons:
        if found.ratio is None:
            if "baseline, not" in found.doubt:
                yield found.line
            continue
        judged += 1
        if found.ratio.interval is None or found.doubt:
            yield f"{found.name} cannot be judged ({found.doubt or found.ratio.words})"
        elif found.ratio.slower and found.ratio.value > gate:
            yield f"{found.name} is {found.ratio.words}"
    if not judged:
        yield "no case stands in both, so nothing was compared"


def _compare_one(before: Result | None, now: Result) -> Comparison:
    if before is None:
        return Comparison(now.case.name, None, "new, not in the baseline")
    if not before.by_round:
        return Comparison(
            now.case.name, None, "in the baseline, not judged: it holds no samples there; measure it again"
        )
    if not now.by_round:
        return Comparison(now.case.name, None, "in the baseline, not measured now: no samples")
    doubts = [where for where, result in (("the baseline", before), ("this run", now)) if result.verdict == INVALID]
    return Comparison(
        now.case.name,
        compare(before.by_round, now.by_round),
        f"{' and '.join(doubts)} INVALID: do not rely on it" if doubts else "",
    )


def _key(case: Case) -> tuple[str | None, str, str, int]:
    return (case.file, case.engine, case.precision, case.threads)
