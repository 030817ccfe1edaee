"""Now against a baseline, case by case: a ratio with its interval, words, and a gate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fashion_bench.cases import Case
from fashion_bench.document import Document
from fashion_bench.results import Result
from fashion_bench.stats import Ratio, compare
from fashion_bench.verdict import INVALID
from fashion_edge.errors import GateError


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
