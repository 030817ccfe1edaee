"""Checkpoints next to the run folder, from which `--resume` continues with exactly the same result."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import msgspec
import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_file
from fashion_edge.errors import RunError, brief
from fashion_edge.typed_json import convert_json, decode_json, encode_json
from fashion_train.data.prepare import Prepared
from fashion_train.options import TrainOptions
from fashion_train.results import Epoch

TEACHER, STUDENT, BASELINE = "teacher", "network", "baseline"  # the networks of a run
Weights = list[NDArray[Any]]


@dataclass(frozen=True)
class Checkpoint:
    """Training after a whole epoch."""

    history: tuple[Epoch, ...]
    state: Weights
    best_epoch: int  # the one to keep
    best_weights: Weights


class CheckpointMeta(msgspec.Struct):
    """The JSON part of a checkpoint."""

    identity: str
    history: tuple[dict[str, int | float | None], ...]  # None: the loss was not finite
    best_epoch: int


def checkpoint_path(out: Path, name: str) -> Path:
    """The checkpoint of one network of a run."""
    return out.with_name(f".{out.name}.{name}.npz")


def has_checkpoint(options: TrainOptions) -> bool:
    """Whether there is an interrupted run that can be resumed."""
    return any(checkpoint_path(options.out, name).is_file() for name in (TEACHER, STUDENT, BASELINE))


def remove_checkpoints(options: TrainOptions) -> None:
    """Remove the checkpoints of a run."""
    for name in (TEACHER, STUDENT, BASELINE):
        checkpoint_path(options.out, name).unlink(missing_ok=True)


def find_interrupted(runs: Path) -> Path | None:
    """The run folder below `runs` with the newest checkpoint or journal; None where there is none."""
    found = max(_resumable(runs), key=lambda path: path.stat().st_mtime, default=None)
    return found and _run_of(found)


def can_resume(out: Path) -> bool:
    """Whether there is a checkpoint or a journal of this run folder."""
    return any(_run_of(path) == out for path in _resumable(out.parent))


def _resumable(runs: Path) -> list[Path]:
    return [
        path for ending in ("npz", "leave_out.json") for path in runs.glob(f".*.{ending}") if ".part-" not in path.name
    ]


def _run_of(path: Path) -> Path:
    return path.with_name(path.name[1:].rsplit(".", 2)[0])


def identify(*parts: object) -> str:
    """A hash of all that must be equal for work to be resumed: plain values and frozen structs."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()


def identify_fit(options: TrainOptions, prepared: Prepared) -> str:
    """The identity of a checkpoint: all that decides which pictures a network is trained on, and how.

    A network accepts pictures of any size, so the weights of another --size, --holdout or --negatives would load, and
    half of the training would not be what run.json says.
    """
    negatives = prepared.negatives and (prepared.negatives.decoded.content_hashes, prepared.negatives.sides)
    pictures = prepared.sha256, prepared.sides, negatives, prepared.spec
    return identify(options.recipe, options.task, options.seed, prepared.dataset.groups, pictures)


def save_checkpoint(path: Path, checkpoint: Checkpoint, identity: str) -> None:
    """Write a checkpoint in place of the previous one."""
    history = tuple(map(vars, checkpoint.history))
    meta = encode_json(CheckpointMeta(identity, history, checkpoint.best_epoch))
    arrays: dict[str, Any] = {f"state{i}": value for i, value in enumerate(checkpoint.state)}
    arrays |= {f"best{i}": value for i, value in enumerate(checkpoint.best_weights)}
    with atomic_file(path, overwrite=True) as part:
        np.savez(part, meta=np.frombuffer(meta, np.uint8), **arrays)


def load_checkpoint(path: Path, identity: str) -> Checkpoint:
    """Read a checkpoint that `save_checkpoint` wrote."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            meta = decode_json(data["meta"].tobytes(), CheckpointMeta, "meta", ValueError)
            rows = [{name: math.nan if x is None else x for name, x in row.items()} for row in meta.history]
            history = convert_json(rows, tuple[Epoch, ...], "meta", ValueError)
            parts = [[data[name] for name in data.files if name.startswith(part)] for part in ("state", "best")]
    except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
        raise RunError(f"checkpoint {path} cannot be read ({brief(error)}); run again without --resume") from error
    if meta.identity != identity:
        raise RunError(f"checkpoint {path} belongs to other photos or options; repeat those, or leave --resume out")
    return Checkpoint(history, parts[0], meta.best_epoch, parts[1])
