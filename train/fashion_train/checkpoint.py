"""What an interruption must not lose: weights, optimizer, averages, history, the best epoch so far."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from fashion_edge.atomic import atomic_file
from fashion_edge.errors import RunError, brief
from fashion_train.learn import Epoch, Weights


@dataclass(frozen=True)
class Best:
    """The epoch to keep."""

    epoch: int
    weights: Weights


@dataclass(frozen=True)
class Checkpoint:
    """Training after a whole epoch."""

    history: tuple[Epoch, ...]
    state: Weights
    best: Best


def checkpoint_path(out: Path, name: str) -> Path:
    """Where the checkpoint of one network of a run is kept until the run is written."""
    return out.with_name(f".{out.name}.{name}.npz")


def find_interrupted(runs: Path) -> Path | None:
    """The run folder below `runs` that the newest checkpoint or diary belongs to; None where there is none."""
    found = max(_kept(runs), key=lambda path: path.stat().st_mtime, default=None)
    return found and _run_of(found)


def can_resume(out: Path) -> bool:
    """Whether a checkpoint or a diary of this run folder is kept."""
    return any(_run_of(path) == out for path in _kept(out.parent))


def _kept(runs: Path) -> list[Path]:
    return [
        path for ending in ("npz", "leave_out.json") for path in runs.glob(f".*.{ending}") if ".part-" not in path.name
    ]


def _run_of(kept: Path) -> Path:
    return kept.with_name(kept.name[1:].rsplit(".", 2)[0])


def identify(*parts: object) -> str:
    """One word for all that must be equal for work to go on: plain values and frozen dataclasses."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def save_checkpoint(path: Path, checkpoint: Checkpoint, identity: str) -> None:
    """Write a checkpoint in place of the one before."""
    meta = {
        "identity": identity,
        "history": [asdict(epoch) for epoch in checkpoint.history],
        "best_epoch": checkpoint.best.epoch,
    }
    arrays: dict[str, Any] = {f"state{i}": value for i, value in enumerate(checkpoint.state)}
    arrays |= {f"best{i}": value for i, value in enumerate(checkpoint.best.weights)}
    with atomic_file(path, overwrite=True) as part:
        np.savez(part, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)


def load_checkpoint(path: Path, identity: str) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises:
        RunError: it cannot be read, or it belongs to other photos, another recipe or another seed.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            meta = json.loads(data["meta"].tobytes())
            state = _numbered(data, "state")
            best = Best(meta["best_epoch"], _numbered(data, "best"))
        same = meta["identity"] == identity
        history = tuple(Epoch(**epoch) for epoch in meta["history"])
    except (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile) as error:
        raise RunError(f"checkpoint {path} cannot be read ({brief(error)}); run again without --resume") from error
    if not same:
        raise RunError(f"checkpoint {path} is of other photos, flags or seed; repeat those, or drop --resume")
    return Checkpoint(history, state, best)


def _numbered(data: Any, prefix: str) -> Weights:
    count = sum(name.startswith(prefix) for name in data.files)
    return [data[f"{prefix}{i}"] for i in range(count)]
