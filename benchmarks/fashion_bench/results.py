"""One case's figures: raw samples by round, and everything derived from them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from fashion_bench.cases import Case
from fashion_bench.stats import Interval, Samples, median_deviation, quantile_interval, samples_needed

QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99_9": 0.999}


@dataclass(frozen=True)
class Round:
    """One process: loaded, run once, warmed up, then timed. Milliseconds."""

    import_ms: float
    load_ms: float
    first_ms: float
    warmup_ms: tuple[float, ...]
    samples_ms: tuple[float, ...]
    seconds: float  # of the steady block, the harness's own steps included
    other_cores: float | None  # cores kept busy by other programs while the samples were taken
    clock_mhz: tuple[float | None, float | None]  # before and after
    temperature_c: tuple[float | None, float | None]
    throttled: tuple[int | None, int | None]


@dataclass(frozen=True)
class Result:
    """A case, its rounds, and what was found in separate passes."""

    case: Case
    engine: str  # name and version, as the backend gives it
    rounds: tuple[Round, ...]
    verdict: str = "VALID"
    reasons: tuple[str, ...] = ()
    extras: Mapping[str, Any] = field(default_factory=dict)  # memory, accuracy, operations, operators, ...

    @cached_property
    def samples(self) -> Samples:
        """All steady samples, milliseconds, in the order of the rounds."""
        return np.array([ms for block in self.rounds for ms in block.samples_ms])

    @cached_property
    def by_round(self) -> list[Samples]:
        """Steady samples of each round that has any."""
        return [np.array(block.samples_ms) for block in self.rounds if block.samples_ms]

    def quantile(self, name: str) -> float:
        """`p50`, `p90`, `p99` or `p99_9`, in milliseconds."""
        return float(np.quantile(self.samples, QUANTILES[name]))

    def interval(self, name: str) -> Interval | None:
        """95 % interval of that quantile; None where the samples do not carry one."""
        return quantile_interval(self.samples, QUANTILES[name])

    @property
    def per_second(self) -> float:
        """Inferences per second, one after another."""
        return 1e3 * len(self.samples) / float(self.samples.sum())

    def median_of_rounds(self, key: str) -> float:
        """`import_ms`, `load_ms` or `first_ms`: median over the rounds, each a new process."""
        return float(np.median([getattr(block, key) for block in self.rounds]))

    def with_extras(self, **found: Any) -> "Result":
        """A copy that also carries these findings."""
        return replace(self, extras={**self.extras, **found})

    def to_json(self) -> dict[str, Any]:
        """Raw samples, what is derived from them, verdict and findings; see docs/reference/benchmark-json.md."""
        return {
            "variant": self.case.file,
            "runtime": self.case.engine,
            "engine": self.engine,
            "precision": self.case.precision,
            "threads": self.case.threads,
            "bytes": self.case.bytes,
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            **(self._figures() if len(self.samples) else {}),
            **self.extras,
            "samples_ms": self.samples.tolist(),
            "rounds": [_round_to_json(block) for block in self.rounds],
        }

    def _figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for name in QUANTILES:
            interval = self.interval(name)
            figures[f"{name}_ms"] = round(self.quantile(name), 5)
            figures[f"{name}_interval_ms"] = [interval.low, interval.high] if interval else None
            if not interval:
                figures[f"{name}_note"] = not_enough(name, len(self.samples))
        return figures | {
            "max_ms": float(self.samples.max()),
            "mad_ms": round(median_deviation(self.samples), 5),
            "inferences_per_second": round(self.per_second, 2),
            "samples": len(self.samples),
            **{key: round(self.median_of_rounds(key), 3) for key in ("import_ms", "load_ms", "first_ms")},
            "rss_mb": self.extras.get("memory", {}).get("rss_mb"),
        }


def not_enough(name: str, n: int) -> str:
    """Why a quantile has no interval."""
    return f"not enough samples for {name.replace('_', '.')}: {n} of {samples_needed(QUANTILES[name])}"


DERIVED = frozenset(
    {
        "variant",
        "runtime",
        "engine",
        "precision",
        "threads",
        "bytes",
        "verdict",
        "reasons",
        "energy_mj",
        "energy",
        "samples_ms",
    }
    | {"rounds", "max_ms", "mad_ms", "inferences_per_second", "samples", "import_ms", "load_ms", "first_ms", "rss_mb"}
    | {f"{name}_{what}" for name in QUANTILES for what in ("ms", "interval_ms", "note")}
)


def result_from_json(entry: Mapping[str, Any]) -> Result:
    """The inverse of `Result.to_json`: figures are derived anew from the raw samples."""
    case = Case(entry["variant"], entry["runtime"], entry["precision"], entry["threads"], entry["bytes"])
    samples = entry["samples_ms"]
    rounds, start = [], 0
    for block in entry["rounds"]:
        rounds.append(_round_from_json(block, samples[start : start + block["samples"]]))
        start += block["samples"]
    extras = {key: value for key, value in entry.items() if key not in DERIVED}
    return Result(case, entry["engine"], tuple(rounds), entry["verdict"], tuple(entry["reasons"]), extras)


def _round_to_json(block: Round) -> dict[str, Any]:
    return {
        "samples": len(block.samples_ms),
        "import_ms": block.import_ms,
        "load_ms": block.load_ms,
        "first_ms": block.first_ms,
        "warmup_ms": list(block.warmup_ms),
        "seconds": block.seconds,
        "other_cores": block.other_cores,
        "clock_mhz": list(block.clock_mhz),
        "temperature_c": list(block.temperature_c),
        "throttled": list(block.throttled),
    }


def _round_from_json(block: Mapping[str, Any], samples: list[float]) -> Round:
    return Round(
        import_ms=block["import_ms"],
        load_ms=block["load_ms"],
        first_ms=block["first_ms"],
        warmup_ms=tuple(block["warmup_ms"]),
        samples_ms=tuple(samples),
        seconds=block["seconds"],
        other_cores=block["other_cores"],
        clock_mhz=tuple(block["clock_mhz"]),
        temperature_c=tuple(block["temperature_c"]),
        throttled=tuple(block["throttled"]),
    )
