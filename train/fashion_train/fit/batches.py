"""Batches of training pictures, and how several workers share them.

Batches are stateless: step 1,000 holds the same pictures after an interruption, too.

TF_CONFIG says which workers take part, in TensorFlow's own form: `{"cluster": {"worker": ["host:port", ...]}, "task":
{"type": "worker", "index": 0}}`. Every machine runs the same command on the same photos; worker 0 writes the run.
Variables are ordinary ones: all workers start from the same seed and take the same steps, so only gradients and the
statistics of batch normalisation are exchanged.
"""

import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, lru_cache

import msgspec
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from fashion_edge.errors import UsageError, brief
from fashion_edge.typed_json import decode_json
from fashion_train.data.samples import Sampler

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]  # (n, h, w, 3) and (n, labels)


@dataclass(frozen=True)
class Workers:
    """How many workers train together, and which one this is."""

    rank: int = 0
    size: int = 1

    @property
    def chief(self) -> bool:
        """Whether this worker writes the run."""
        return self.rank == 0


SINGLE = Workers()


@dataclass(frozen=True)
class Schedule:
    """Which items each step holds: every epoch has its own shuffle, fixed by the seed."""

    items: int
    batch: int
    epochs: int
    seed: int
    workers: Workers = SINGLE

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in an epoch; what is left of the shuffle is skipped."""
        return max(1, self.items // self.batch)

    @property
    def pictures_per_epoch(self) -> int:
        """Pictures in the steps of an epoch; a small data set fills no batch."""
        return self.steps_per_epoch * min(self.batch, self.items)

    def items_of(self, step: int) -> NDArray[np.int64]:
        """The items of a step, counted from the start of training."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = _shuffle(self.items, self.seed, epoch)
        return order[position * self.batch : (position + 1) * self.batch]

    def share_of(self, step: int) -> list[tuple[int, int]]:
        """This worker's share of a step: (position in the batch, item)."""
        return list(enumerate(self.items_of(step).tolist()))[self.workers.rank :: self.workers.size]


@lru_cache(maxsize=4)
def _shuffle(items: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(items)


def make_batch(sampler: Sampler, schedule: Schedule, step: int) -> Batch:
    """This worker's pictures and targets of a step; each picture has its own random generator."""
    samples = [
        sampler.draw(item, np.random.default_rng([schedule.seed, step, position]))
        for position, item in schedule.share_of(step)
    ]
    pictures, targets = zip(*samples, strict=True)
    return np.stack(pictures), np.stack(targets)


def training_batches(
    sampler: Sampler, schedule: Schedule, first_step: int, shape: Sequence[int], labels: int
) -> tf.data.Dataset:
    """All batches from `first_step` to the end of training, prefetched by two threads."""

    def make(step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        pictures, targets = tf.numpy_function(
            lambda number: make_batch(sampler, schedule, int(number)), [step], (tf.uint8, tf.float32)
        )
        return tf.ensure_shape(pictures, (None, *shape)), tf.ensure_shape(targets, (None, labels))

    steps = tf.data.Dataset.range(first_step, schedule.steps_per_epoch * schedule.epochs)
    return steps.map(make, num_parallel_calls=2, deterministic=True).prefetch(4)


class Task(msgspec.Struct):
    """This process, in TF_CONFIG."""

    type: str
    index: int


class TFConfig(msgspec.Struct):
    """The environment variable TF_CONFIG."""

    cluster: dict[str, list[str]]
    task: Task


def find_workers(environment: Mapping[str, str] = os.environ) -> Workers:
    """The workers that TF_CONFIG names; a single one without it."""
    if not (text := environment.get("TF_CONFIG")):
        return SINGLE
    fix = "unset it, or see docs/how-to/train-on-several-machines.md"
    config = decode_json(text.encode(), TFConfig, "TF_CONFIG", lambda why: UsageError(f"{why}; {fix}"))
    workers, task = config.cluster.get("worker", []), config.task
    if task.type != "worker" or set(config.cluster) != {"worker"} or not 0 <= task.index < len(workers):
        which = f"{task.type} {task.index} of {len(workers)} workers"
        raise UsageError(f"TF_CONFIG names {which}; it must be a worker of them")
    return Workers(task.index, len(workers))


@cache
def connect_workers() -> tf.distribute.Strategy:
    """TensorFlow's connection to the other workers, made once per process; it waits until all are there."""
    ring = tf.distribute.experimental.CommunicationImplementation.RING
    options = tf.distribute.experimental.CommunicationOptions(implementation=ring)
    try:
        with _default_signals():
            return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except tf.errors.OpError as error:
        fix = "give every worker as host:port, with a port that is free on its machine"
        raise UsageError(f"TF_CONFIG: this worker cannot start ({brief(error)}); {fix}") from error


@contextmanager
def _default_signals() -> Iterator[None]:
    """Let Ctrl-C end the process: TensorFlow waits outside of Python, where no handler runs, and there is no run yet.

    SIGTERM is TensorFlow's own in the block, and is restored after it.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    if before[signal.SIGINT] is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
