"""Batches for training: stateless, so that step 1,000 holds the same pictures after an interruption too."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_train.fit.workers import SOLO, Team

if TYPE_CHECKING:
    import tensorflow as tf

Batch = tuple[NDArray[np.uint8], NDArray[np.float32]]


class Drawer(Protocol):
    """Something that makes a training picture and its target out of an item's number."""

    def __len__(self) -> int: ...

    def draw(self, item: int, rng: np.random.Generator) -> Batch:
        """The picture (h, w, 3) uint8 and its target (labels,) float32."""
        ...


@dataclass(frozen=True)
class Schedule:
    """Which items each step holds: every epoch its own shuffle, fixed by the seed."""

    items: int
    batch: int
    epochs: int
    seed: int
    team: Team = SOLO

    @property
    def steps_per_epoch(self) -> int:
        """Full batches in an epoch; the rest of the shuffle is left out, another part each epoch."""
        return max(1, self.items // self.batch)

    @property
    def pictures_per_epoch(self) -> int:
        """What the steps of an epoch hold: a small data set fills no batch."""
        return self.steps_per_epoch * min(self.batch, self.items)

    def items_of(self, step: int) -> NDArray[np.int64]:
        """The items of a step, counted from the start of training."""
        epoch, position = divmod(step, self.steps_per_epoch)
        order = _shuffle(self.items, self.seed, epoch)
        return order[position * self.batch : (position + 1) * self.batch]

    def share_of(self, step: int) -> list[tuple[int, int]]:
        """What this worker makes of a step: (position in the batch, item)."""
        return list(enumerate(self.items_of(step).tolist()))[self.team.rank :: self.team.size]


@lru_cache(maxsize=4)
def _shuffle(items: int, seed: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng([seed, epoch]).permutation(items)


def make_batch(drawer: Drawer, schedule: Schedule, step: int) -> Batch:
    """This worker's pictures (n, h, w, 3) uint8 and targets of a step; each picture has a generator of its own."""
    drawn = [
        drawer.draw(item, np.random.default_rng([schedule.seed, step, position]))
        for position, item in schedule.share_of(step)
    ]
    pictures, targets = zip(*drawn, strict=True)
    return np.stack(pictures), np.stack(targets)


def training_batches(
    drawer: Drawer, schedule: Schedule, first_step: int, shape: Sequence[int], labels: int
) -> "tf.data.Dataset":
    """All batches from `first_step` to the end of training, made ahead by two threads."""
    import tensorflow as tf

    def make(step: "tf.Tensor") -> tuple["tf.Tensor", ...]:
        pictures, targets = tf.numpy_function(
            lambda number: make_batch(drawer, schedule, int(number)), [step], (tf.uint8, tf.float32)
        )
        return tf.ensure_shape(pictures, (None, *shape)), tf.ensure_shape(targets, (None, labels))

    last_step = schedule.steps_per_epoch * schedule.epochs
    steps = tf.data.Dataset.range(first_step, last_step)
    return steps.map(make, num_parallel_calls=2, deterministic=True).prefetch(4)
