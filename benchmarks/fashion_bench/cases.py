"""What is measured: variant x engine x threads, and the order of the rounds."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from fashion_bench.engines import ENGINES, NULL, engines_for
from fashion_edge.bundle import Bundle, Variant
from fashion_edge.errors import UsageError

MOST_DEFAULT_THREADS = 4  # boards have four cores; more threads than that slow a network of a megabyte


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    file: str | None  # None: the null backend
    engine: str
    precision: str
    threads: int
    bytes: int

    @property
    def name(self) -> str:
        """`litert int8 x1`."""
        return f"{self.engine} {self.precision} x{self.threads}"


NULL_CASE = Case(None, NULL, "none", 1, 0)


def default_threads() -> tuple[int, ...]:
    """One, and as many as this process may use, up to four."""
    return tuple(sorted({1, min(len(os.sched_getaffinity(0)), MOST_DEFAULT_THREADS)}))


def plan_cases(
    bundle: Bundle,
    threads: Sequence[int],
    engines: Sequence[str] = (),
    precisions: Sequence[str] = (),
) -> tuple[Case, ...]:
    """Cases in the manifest's order; empty filters let everything through.

    Raises:
        UsageError: nothing is left.
    """
    cases = tuple(
        Case(variant.file, engine, variant.precision, count, variant.bytes)
        for variant in bundle.manifest.variants
        for engine in _chosen(variant, engines)
        for count in threads
        if not precisions or variant.precision in precisions
    )
    if not cases:
        there = ", ".join(variant.name for variant in bundle.manifest.variants)
        raise UsageError(f"no variant fits {' '.join([*engines, *precisions])}; the bundle has {there}")
    return cases


def shuffled_rounds(cases: Sequence[Case], rounds: int, seed: int) -> Iterator[tuple[int, Case]]:
    """(round, case): each round holds every case once, in an order of its own.

    Interleaving spreads what drifts (heat, clocks, other programs) evenly over the cases.
    """
    random = Random(seed)  # noqa: S311 - an order, not a secret
    for number in range(rounds):
        yield from ((number, case) for case in random.sample(cases, len(cases)))


def _chosen(variant: Variant, engines: Sequence[str]) -> tuple[str, ...]:
    if not engines:
        return engines_for(variant)
    # an engine asked for by name is kept though it is missing here, so that the report can say so
    return tuple(engine for engine in engines if ENGINES[engine][0] == variant.runtime)
