"""Latency benchmark of a bundle: every variant in its own process, with a verdict on the reliability of the figures.

Example:
    >>> from fashion_bench import Timing, benchmark
    >>> document = benchmark("bundles/mine", timing=Timing(rounds=3))
    >>> for result in document.results:
    ...     print(result.case.name, result.quantile("p50"), result.verdict)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashion_bench.cases import Case, plan_cases
    from fashion_bench.document import Document, Result, read_document
    from fashion_bench.run import benchmark
    from fashion_bench.settings import Passes, Timing
    from fashion_bench.verdict import Comparison, compare_documents

_MODULES = {
    "Case": "cases",
    "Comparison": "verdict",
    "Document": "document",
    "Passes": "settings",
    "Result": "document",
    "Timing": "settings",
    "benchmark": "run",
    "compare_documents": "verdict",
    "plan_cases": "cases",
    "read_document": "document",
}
__all__ = [
    "Case",
    "Comparison",
    "Document",
    "Passes",
    "Result",
    "Timing",
    "benchmark",
    "compare_documents",
    "plan_cases",
    "read_document",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: the command line starts without NumPy."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
