"""What the small network learns from: training pictures, each with the teacher's opinion of that very picture.

A recoloured, blurred, cut-off picture is not always what its label says; the teacher saw what is left of it. Pictures
are made and marked once and shown many times, so the teacher costs a few minutes, not every step.
Source: Hinton et al., "Distilling the knowledge in a neural network", 2015; the same picture for both networks:
Beyer et al., "Knowledge distillation: a good teacher is patient and consistent", 2022.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_train.data.cache import PixelStore
from fashion_train.data.samples import Sampler
from fashion_train.size import Size

PICTURES = 60_000  # at most: 2.1 GB of disk at 96 x 120
STREAM = 99  # keeps these random streams apart from those of the steps
CHUNK = 256
Predict = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


@dataclass(frozen=True)
class TransferSet:
    """Several versions of every item of an epoch, with their marks; a drawer for training."""

    store: PixelStore
    targets: NDArray[np.float32]  # (versions x items, labels), between the label and the teacher's score
    items: int
    versions: int

    def __len__(self) -> int:
        """Items of one epoch."""
        return self.items

    def draw(self, item: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """One version of an item, half of the time mirrored: (h, w, 3) uint8 and its target (labels,)."""
        index = int(rng.integers(self.versions)) * self.items + item
        picture = self.store.read(index)
        return (picture[:, ::-1] if rng.random() < 0.5 else picture), self.targets[index]


def make_transfer_set(
    sampler: Sampler, teacher: Predict, size: Size, seed: int, tick: Callable[[int, int], None]
) -> TransferSet:
    """Draw pictures, have them marked, and keep them in the small network's size.

    Args:
        sampler: draws pictures in the teacher's size.
        teacher: scores (n, labels) of pictures (n, h, w, 3) uint8.
        size: what the small network sees.
        seed: of the pictures.
        tick: pictures done, pictures in all.
    """
    items, recipe = len(sampler), sampler.recipe
    versions = max(1, min(recipe.versions, PICTURES // items))
    total = versions * items
    store = PixelStore((*size, 3))
    targets = np.zeros((total, sampler.prepared.targets.shape[1]), np.float32)
    with ThreadPoolExecutor(2) as pool:
        for start in range(0, total, CHUNK):
            numbers = range(start, min(start + CHUNK, total))
            drawn = list(pool.map(lambda n: sampler.draw(n % items, np.random.default_rng([seed, STREAM, n])), numbers))
            scores = teacher(np.stack([picture for picture, _ in drawn]))
            labels = np.stack([target for _, target in drawn])
            targets[numbers.start : numbers.stop] = recipe.trust * scores + (1 - recipe.trust) * labels
            for number, (picture, _) in zip(numbers, drawn, strict=True):
                store.write(number, cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA))
            tick(numbers.stop, total)
    return TransferSet(store, targets, items, versions)
