"""fashion-train: from photos in folders to a run, which is a Keras model with its metrics and a report.

Example:
    >>> from fashion_train import train
    >>> run = train(dataset="photos", negatives="other", out="runs/first", progress=True)
    >>> run.metrics["test"].exact_match
    0.9712
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fashion_train.api import leave_one_combination_out, train
    from fashion_train.results import LeaveOneOut, Run
    from fashion_train.tune.evaluate import BackgroundMetrics, Metrics

__all__ = ["BackgroundMetrics", "LeaveOneOut", "Metrics", "Run", "leave_one_combination_out", "train"]

MODULES = {
    "BackgroundMetrics": "tune.evaluate",
    "LeaveOneOut": "results",
    "Metrics": "tune.evaluate",
    "Run": "results",
    "leave_one_combination_out": "api",
    "train": "api",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is used first: `import fashion_train` stays fast."""
    from importlib import import_module

    if name not in MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{MODULES[name]}"), name)
