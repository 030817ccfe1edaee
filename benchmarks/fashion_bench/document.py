"""Results as fashion-bench's JSON holds them: one run, or several merged from like machines."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta
from msgspec.structs import replace

from fashion_bench.cases import Case
from fashion_bench.machine import Machine
from fashion_edge.errors import UsageError
from fashion_edge.statistics import Interval, Samples, median_deviation, quantile_interval, samples_needed
from fashion_edge.typed_json import decode_json, read_json

SCHEMA = 1
KIND = "fashion-bench"
MAX_BYTES = 512 << 20
VALID, UNSTABLE, INVALID = "VALID", "UNSTABLE", "INVALID"
QUANTILES = {"p50": 0.50, "p90": 0.90, "p99": 0.99, "p99_9": 0.999}
STAGES = ("capture", "preprocess", "infer", "decide", "draw", "encode")
NOTES = {
    "*_ms": "milliseconds",
    "samples_ms": "every steady inference, rounds one after another; rounds[i].samples of them belong to round i",
    "warmup_ms": "inferences before the steady block of that round; in no figure",
    "first_ms": "first inference after loading, median over the rounds; each round is a new process",
    "import_ms": "importing the runtime, median over the rounds; not part of load_ms",
    "load_ms": "reading, hashing and loading the model file, median over the rounds",
    "pNN_interval_ms": "95 % distribution-free interval from order statistics; null: too few samples, see pNN_note",
    "mad_ms": "median absolute deviation from the median, unscaled",
    "other_cores": "cores kept busy by other programs during the steady block",
    "rss_mb": "resident memory after inference, from a separate pass; MB of 2^20 bytes",
}
Milliseconds = Annotated[float, Meta(gt=0, lt=1e300)]
Count = Annotated[int, Meta(ge=0, lt=1 << 53)]


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One process: loaded, run once, warmed up, then timed. Pairs are readings before and after the steady block."""

    samples: Count
    import_ms: float
    load_ms: float
    first_ms: float
    warmup_ms: tuple[float, ...]
    seconds: float  # of the steady block, the harness's own steps included
    other_cores: float | None
    clock_mhz: tuple[float | None, float | None]
    temperature_c: tuple[float | None, float | None]
    throttled: tuple[int | None, int | None]  # the firmware's bits


class Memory(msgspec.Struct, frozen=True):
    """Resident memory in MB of 2^20 bytes; None where the kernel does not say."""

    rss_mb: float | None = None
    peak_mb: float | None = None
    before_load_mb: float | None = None


class Accuracy(msgspec.Struct, frozen=True):
    """Photos with all labels right and no other; unreadable ones do not count."""

    photos: int
    exact_match: float | None
    exact: int = 0
    unreadable: list[str] = []


class Ceiling(msgspec.Struct, frozen=True):
    """Multiplications and additions of one inference, and billions of them a second at p50."""

    operations: int | None
    gops: float | None = None


class OperatorTime(msgspec.Struct, frozen=True):
    """One of the operators that take longest."""

    name: str
    ms: float
    share: float
    operations: int | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, dict=True):
    """One case: raw samples by round, and what separate passes found.

    Example:
        >>> result.verdict, result.quantile("p50"), result.interval("p50")
        ('VALID', 0.127, Interval(low=0.127, high=0.127))
    """

    variant: str | None  # the model file
    runtime: str  # the engine's short name, as in `ENGINES`
    engine: str  # its name and version
    precision: str
    threads: Count
    bytes: Count
    verdict: str
    reasons: tuple[str, ...]
    memory: Memory | None = None
    accuracy: Accuracy | None = None
    ceiling: Ceiling | None = None
    operators: list[OperatorTime] | None = None
    samples_ms: tuple[Milliseconds, ...]
    rounds: tuple[Round, ...]

    @cached_property
    def case(self) -> Case:
        """What was measured."""
        return Case(self.variant, self.runtime, self.precision, self.threads, self.bytes)

    @cached_property
    def samples(self) -> Samples:
        """All steady samples (n,), milliseconds, in the order of the rounds."""
        return np.array(self.samples_ms, np.float64)

    @cached_property
    def by_round(self) -> list[Samples]:
        """Steady samples of each round that has any."""
        ends = np.cumsum([block.samples for block in self.rounds], dtype=np.int64)
        return [block for block in np.split(self.samples, ends[:-1]) if len(block)] if len(ends) else []

    def quantile(self, name: str) -> float:
        """`p50`, `p90`, `p99` or `p99_9`, in milliseconds."""
        return float(np.quantile(self.samples, QUANTILES[name]))

    def interval(self, name: str) -> Interval | None:
        """95 % interval of that quantile; None where there are too few samples."""
        return quantile_interval(self.samples, QUANTILES[name])

    @property
    def mad_ms(self) -> float:
        """Median absolute deviation from the median."""
        return median_deviation(self.samples)

    @property
    def per_second(self) -> float:
        """Inferences per second, one after another."""
        return 1e3 * len(self.samples) / float(self.samples.sum())

    def median_of_rounds(self, key: str) -> float:
        """`import_ms`, `load_ms` or `first_ms`: median over the rounds, each a new process."""
        return float(np.median([getattr(block, key) for block in self.rounds]))

    def to_json(self) -> dict[str, Any]:
        """Raw samples, figures derived from them, verdict and findings; see docs/reference/benchmark-json.md."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        raw = {key: plain.pop(key) for key in ("samples_ms", "rounds")}
        return {**plain, **(self._figures() if len(self.samples) else {}), **raw}

    def _figures(self) -> dict[str, Any]:
        figures: dict[str, Any] = {}
        for name, q in QUANTILES.items():
            interval = self.interval(name)
            figures[f"{name}_ms"] = round(self.quantile(name), 5)
            figures[f"{name}_interval_ms"] = [interval.low, interval.high] if interval else None
            if not interval:
                label = name.replace("_", ".")
                figures[f"{name}_note"] = f"not enough samples for {label}: {len(self.samples)} of {samples_needed(q)}"
        return figures | {
            "max_ms": float(self.samples.max()),
            "mad_ms": round(self.mad_ms, 5),
            "inferences_per_second": round(self.per_second, 2),
            "samples": len(self.samples),
            **{key: round(self.median_of_rounds(key), 3) for key in ("import_ms", "load_ms", "first_ms")},
            "rss_mb": self.memory.rss_mb if self.memory else None,
        }


class Skipped(msgspec.Struct, frozen=True, omit_defaults=True):
    """A case without figures, or a pass that failed, and why; `missing` where its runtime is not installed."""

    reason: str
    variant: str | None = None
    runtime: str | None = None
    precision: str | None = None
    threads: int | None = None
    missing: bool | None = None


class EndToEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Frames through the pipeline of the device: `stages_ms` holds one number a frame for each of `STAGES`."""

    name: str
    source: str = ""
    fps_asked: float | None  # None: as fast as it goes
    fps: float
    frames: int = 0
    late: int = 0
    cpu_ms_per_frame: float
    cores_busy: float
    stages_ms: dict[str, list[float]]

    def __post_init__(self) -> None:
        """Check the stages.

        Raises:
            ValueError: one is missing, or has another number of frames.
        """
        lengths = {len(self.stages_ms.get(stage, ())) for stage in STAGES}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError(f"stages_ms must hold one number a frame for each of {', '.join(STAGES)}")

    def summarize(self) -> list[tuple[str, float, float]]:
        """(stage, p50, p99) in milliseconds, and the sum of the stages at the end."""
        table = np.array([self.stages_ms[stage] for stage in STAGES])
        rows = zip((*STAGES, "all"), (*table, table.sum(axis=0)), strict=True)
        return [(name, float(np.quantile(ms, 0.5)), float(np.quantile(ms, 0.99))) for name, ms in rows]


class Window(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of inference without pause."""

    start_s: float
    samples: int = 0
    p50_ms: Milliseconds
    p90_ms: float
    p99_ms: float | None = None
    max_ms: float = 0.0
    clock_mhz: float | None = None
    temperature_c: float | None
    throttled: int | None = None
    other_cores: float | None = None


class Sustained(msgspec.Struct, frozen=True, kw_only=True):
    """Latency over minutes: the first window against the last third."""

    variant: str | None = None
    name: str
    burst_p50_ms: float
    sustained_p50_ms: float
    ratio: float
    verdict: str
    reasons: tuple[str, ...]
    windows: Annotated[list[Window], Meta(min_length=1)]


class Sections(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was measured of the first case only."""

    end_to_end: list[EndToEnd] = []
    sustained: list[Sustained] = []


class Document(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything that one run found.

    Example:
        >>> document = read_document(Path("now.json"))
        >>> [(result.case.name, result.verdict) for result in document.results]
        [('litert int8 x1', 'VALID')]
    """

    created: str  # ISO 8601, UTC
    command: str
    bundle: dict[str, Any]
    machine: Machine
    settings: dict[str, Any]
    load: dict[str, Any]  # load averages before and after
    results: tuple[Result, ...]
    floor: Result | None  # of the null backend
    skipped: tuple[Skipped, ...]
    sections: Sections
    interrupted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Plain JSON with a note for each unit."""
        derived = {
            "results": [result.to_json() for result in self.results],
            "floor": self.floor.to_json() if self.floor else None,
        }
        plain: dict[str, Any] = msgspec.to_builtins(replace(self, results=(), floor=None))
        return {"schema": SCHEMA, "kind": KIND, "notes": NOTES, **plain, **derived}


class _Header(msgspec.Struct):
    kind: Any = None
    schema: Any = None


def read_document(path: Path) -> Document:
    """Read what `fashion-bench --json` wrote.

    Args:
        path: the JSON file.

    Returns:
        The document; its figures are derived again from the raw samples.

    Raises:
        UsageError: the file is missing, not JSON, of another kind or schema, or lacks something.

    Example:
        >>> read_document(Path("now.json")).results[0].quantile("p50")
    """

    def error(text: str) -> UsageError:
        return UsageError(f"{text}; write one with fashion-bench --json")

    data = bytes(read_json(path, msgspec.Raw, MAX_BYTES, error))
    header = decode_json(data, _Header, str(path), error)
    if header.kind != KIND:
        raise error(f"{path} is not a fashion-bench result")
    if header.schema != SCHEMA:
        raise error(f"{path} has schema {header.schema!r}, and this version reads {SCHEMA}")
    return decode_json(data, Document, str(path), error)


def merge(documents: Sequence[tuple[Path, Document]]) -> Document:
    """One document with the results of all, which must come from like machines.

    Raises:
        UsageError: two machines differ, or two bundles, whose rows would have the same names.
    """
    first_path, first = documents[0]
    for path, other in documents[1:]:
        refuse_unlike(first_path, first, path, other)
        if other.bundle.get("files") != first.bundle.get("files"):
            raise UsageError(
                f"{first_path} and {path} are of two bundles, whose rows would have the same names; "
                "compare them with --baseline"
            )
    sections = [document.sections for _, document in documents]
    return replace(
        first,
        results=tuple(result for _, document in documents for result in document.results),
        skipped=tuple(entry for _, document in documents for entry in document.skipped),
        sections=Sections(
            [found for section in sections for found in section.end_to_end],
            [found for section in sections for found in section.sustained],
        ),
    )


def refuse_unlike(one_path: Path, one: Document, other_path: Path, other: Document) -> None:
    """Raise `UsageError` where the two were measured on machines that are not alike."""
    if differences := one.machine.differences(other.machine):
        raise UsageError(
            f"{one_path} and {other_path} come from unlike machines ({'; '.join(differences)}), so their figures "
            "cannot be compared; measure both on one machine"
        )
