"""VALID, UNSTABLE or INVALID, each with its reasons: what may be believed, and what not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from fashion_bench.results import Result, Round
from fashion_bench.telemetry import throttle_words

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
    words = {word for block in rounds for word in throttle_words(*block.throttled)}
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
