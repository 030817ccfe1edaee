"""The winner under an accuracy floor, written where `fashion-edge` looks for it."""

from collections.abc import Sequence

from fashion_bench.results import Result
from fashion_bench.verdict import INVALID
from fashion_edge.bundle import Bundle
from fashion_edge.errors import GateError
from fashion_edge.profile import Profile

DEVICE_ENGINES = ("litert", "onnx")  # what fashion-edge can start


def choose(results: Sequence[Result], floor: float | None) -> Result:
    """The lowest p50 among what was measured validly and reaches the floor of exact match.

    Where others' intervals overlap the fastest one's, fewer threads win, then the smaller file: what cannot be told
    apart by time should cost less.

    Raises:
        GateError: nothing qualifies; the message says why each fell out.
    """
    judged = [(result, _why_not(result, floor)) for result in results]
    able = [result for result, reason in judged if not reason]
    if not able:
        why = "; ".join(f"{result.case.name}: {reason}" for result, reason in judged)
        raise GateError(f"nothing can be chosen ({why or 'nothing was measured'})")
    fastest = min(able, key=lambda result: result.quantile("p50"))
    limit = fastest.interval("p50")
    assert limit
    alike = [result for result in able if (found := result.interval("p50")) and found.low <= limit.high]
    return min(alike, key=lambda result: (result.case.threads, result.case.bytes, result.quantile("p50")))


def make_profile(chosen: Result, bundle: Bundle, created: str) -> Profile:
    """The profile that makes `fashion-edge` run what was chosen."""
    variant = next(variant for variant in bundle.manifest.variants if variant.file == chosen.case.file)
    figures = f"p50 {chosen.quantile('p50'):.3f} ms"
    if (share := _exact(chosen)) is not None:
        figures += f", exact match {share:.1%}"
    return Profile(
        file=variant.file,
        sha256=variant.sha256,
        runtime=variant.runtime,
        precision=variant.precision,
        threads=chosen.case.threads,
        reason=f"fastest here: {figures}",
        created=created,
    )


def _why_not(result: Result, floor: float | None) -> str:
    if result.case.engine not in DEVICE_ENGINES:
        return "fashion-edge does not run this engine"
    if result.verdict == INVALID or not result.interval("p50"):
        return f"INVALID, {'; '.join(result.reasons) or 'too few samples'}"
    share = _exact(result)
    if floor is not None and share is None:
        return "its accuracy was not measured, add --photos"
    if floor is not None and share is not None and share < floor:
        return f"exact match {share:.1%} is below {floor:.1%}"
    return ""


def _exact(result: Result) -> float | None:
    share: float | None = result.extras.get("accuracy", {}).get("exact_match")
    return share
