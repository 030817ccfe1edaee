"""What is measured, and how long: the settings of `benchmark`, whose defaults are those of the command."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Timing:
    """How long and how often; seconds and samples are totals of a case over all rounds.

    Example:
        >>> Timing(rounds=3, min_seconds=1.0)
    """

    rounds: int = 6
    min_seconds: float = 3.0
    min_samples: int = 400
    max_seconds: float = 60.0
    warmup_seconds: float = 0.3
    warmup_runs: int = 10
    seed: int = 0  # of the order of the rounds


@dataclass(frozen=True)
class Passes:
    """What is measured besides latency and memory.

    Example:
        >>> Passes(photos=Path("val"), end_to_end=False)
    """

    photos: Path | None = None  # labelled folders, for exact match
    end_to_end: bool = True
    source: str | None = None  # frames for the stages, as `fashion-edge --source` takes them; None: a rendered clip
    fps: float = 30.0
    stage_seconds: float = 4.0
    sustained_s: float | None = None
    operators: bool = False
