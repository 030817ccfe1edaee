"""How fast training pictures are made, beside the tutorial's ImageDataGenerator, interleaved in one run."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_train.data.augment import TUTORIAL, Augmentation, augment
from fashion_train.data.batches import Batch, Drawer, Schedule, training_batches
from fashion_train.size import Size

BATCH = 32
PICTURES = 256  # that stand in memory, as the tutorial keeps all of its own
ROUNDS, BATCHES = 3, 10  # of each input
AHEAD = 8  # batches that may have been made while another input ran: let go before the clock starts
GENERATOR = "the tutorial's ImageDataGenerator"
Give = Callable[[], Any]


@dataclass(frozen=True)
class InputSpeed:
    """Pictures a second of one way to make batches."""

    name: str
    pictures_per_second: float


@dataclass(frozen=True)
class InMemory:
    """Pictures (n, h, w, 3) uint8 in memory, changed as they are drawn."""

    pictures: NDArray[np.uint8]
    targets: NDArray[np.float32]
    how: Augmentation

    def __len__(self) -> int:
        return len(self.pictures)

    def draw(self, item: int, rng: np.random.Generator) -> Batch:
        """One changed picture and its target."""
        return augment(self.pictures[item], self.pictures.shape[1:3], self.how, rng), self.targets[item]


def measure_inputs(
    pictures: NDArray[np.uint8], targets: NDArray[np.float32], drawers: Mapping[str, tuple[Drawer, Size]]
) -> tuple[InputSpeed, ...]:
    """Time the tutorial's generator, its changes made by our pipeline, and what this run learned from.

    Args:
        pictures: (n, h, w, 3) uint8, what generator and pipeline change.
        targets: (n, labels).
        drawers: name -> what draws training pictures, and their size.
    """
    every = {"the tutorial's changes by this pipeline": (InMemory(pictures, targets, TUTORIAL), pictures.shape[1:3])}
    gives = {GENERATOR: generator(pictures, targets)} | {
        name: batches_of(drawer, size, targets.shape[1]) for name, (drawer, size) in {**every, **drawers}.items()
    }
    taken: dict[str, list[float]] = {name: [] for name in gives}
    for _ in range(ROUNDS):
        for name, give in gives.items():
            taken[name].append(float(time_batches(give, BATCHES).mean()))
    return tuple(InputSpeed(name, BATCH * 1e3 / float(np.median(means))) for name, means in taken.items())


def generator(pictures: NDArray[np.uint8], targets: NDArray[np.float32]) -> Give:
    """The next batch of Keras' ImageDataGenerator with the tutorial's ranges."""
    import tensorflow as tf

    changes = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=25,
        width_shift_range=0.1,
        height_shift_range=0.1,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    flow: Iterator[Any] = changes.flow(pictures.astype(np.float32), targets, batch_size=BATCH, seed=0)
    return lambda: next(flow)


def batches_of(drawer: Drawer, size: Size, labels: int, steps: int = ROUNDS * (BATCHES + AHEAD)) -> Give:
    """The next batch of our own pipeline, `steps` times at least."""
    epochs = -(-steps // max(1, len(drawer) // BATCH))
    batches = iter(training_batches(drawer, Schedule(len(drawer), BATCH, epochs, 0), 0, (*size, 3), labels))
    return lambda: next(batches)


def time_batches(give: Give, count: int) -> NDArray[np.float64]:
    """Milliseconds of each of `count` full batches.

    A small data set has none that is full: what is given counts by its share of a batch.
    """
    for _ in range(AHEAD):
        give()
    taken: list[float] = []
    while len(taken) < count:
        start = time.perf_counter()
        pictures = give()[0]
        taken.append((time.perf_counter() - start) * 1e3 * BATCH / len(pictures))
    return np.array(taken)
