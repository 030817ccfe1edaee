"""One training picture: where it comes from, what is done to it, and what it is then said to show."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_train.augment import CALM, Picture, Rng, augment, coarsen
from fashion_train.options import Recipe
from fashion_train.prepare import Prepared
from fashion_train.recolour import recolour
from fashion_train.size import Size, scaled
from fashion_train.sources import Masks, Rendered, draw_colour

Target = NDArray[np.float32]
Drawn = tuple[Picture, Target]
PATCH_TRIES = 8
NO_GARMENT = 0.02  # share of a patch that the mask may cover


@dataclass(frozen=True)
class Sampler:
    """Draws training pictures. Items of an epoch: every training photo once, then negatives, then rendered ones."""

    prepared: Prepared
    recipe: Recipe
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    masks: Masks | None
    rendered: Rendered | None
    size: Size  # of what is drawn

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        recipe: Recipe,
        masks: Masks | None = None,
        rendered: Rendered | None = None,
        size: Size | None = None,
    ) -> "Sampler":
        """Over the training side of a prepared data set; by default in the size of the network's input."""
        negatives = tuple(prepared.negatives.on("train")) if prepared.negatives else ()
        positives = tuple(prepared.on("train"))
        return cls(prepared, recipe, positives, negatives, masks, rendered, size or prepared.spec.shape[:2])

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Items of an epoch: photos, negatives, patches of photos without garment, rendered pictures."""
        photos = len(self.positives)
        return (
            photos,
            round(self.recipe.negatives * photos) if self.negatives else 0,
            round(self.recipe.patches * photos) if self.masks and self.masks.colours else 0,
            round(self.recipe.rendered * photos) if self.rendered else 0,
        )

    def __len__(self) -> int:
        """Items of one epoch."""
        return sum(self.counts)

    def draw(self, item: int, rng: Rng) -> Drawn:
        """The picture (h, w, 3) uint8 and its target (labels,) float32."""
        picture, target = self._pick(item, rng)
        if not self._is_negative(item) and self.negatives and rng.random() < self.recipe.coarse:
            assert self.prepared.negatives is not None
            sizes = self.prepared.negatives.decoded.sizes
            picture = coarsen(picture, sizes[self.negatives[rng.integers(len(self.negatives))]], rng)
        how = CALM if rng.random() < self.recipe.calm else self.recipe.augmentation
        return augment(picture, self.size, how, rng), target

    def _pick(self, item: int, rng: Rng) -> Drawn:
        photos, negatives, patches, _ = self.counts
        if item < photos:
            return self._photo(self.positives[item], rng)
        if self._is_negative(item):
            assert self.prepared.negatives is not None
            index = self.negatives[rng.integers(len(self.negatives))]
            return self.prepared.negatives.decoded.large.read(index), self._nothing
        if item < photos + negatives + patches:
            return self._patch(rng), self._nothing
        assert self.rendered is not None
        index = int(rng.integers(len(self.rendered)))
        return self.rendered.store.read(index), self.rendered.targets[index]

    def _is_negative(self, item: int) -> bool:
        photos, negatives, _, _ = self.counts
        return photos <= item < photos + negatives

    @property
    def _nothing(self) -> Target:
        return np.zeros(len(self.prepared.dataset.labels), np.float32)

    def _photo(self, index: int, rng: Rng) -> Drawn:
        """A training photo, by chance in another colour."""
        picture, target = self.prepared.decoded.large.read(index), self.prepared.targets[index]
        if self.masks is None or index not in self.masks.colours or rng.random() >= self.recipe.recolour:
            return picture, target
        colour, target = draw_colour(self.prepared, self.masks, index, self.recipe.unknown_colours, rng)
        return recolour(picture, self.masks.store.read(index)[:, :, 0], colour, rng), target

    def _patch(self, rng: Rng) -> Picture:
        """A part of a photo beside the garment, at the photo's own resolution."""
        assert self.masks is not None
        indices = list(self.masks.colours)
        patch = np.full((4, 4, 3), rng.integers(0, 256, 3), np.uint8)
        for _ in range(PATCH_TRIES):
            index = indices[rng.integers(len(indices))]
            mask = self.masks.store.read(index)[:, :, 0]
            height, width = scaled(mask.shape, rng.uniform(0.25, 0.6))
            top, left = rng.integers(0, (mask.shape[0] - height, mask.shape[1] - width))
            window = (slice(top, top + height), slice(left, left + width))
            if mask[window].mean() / 255 < NO_GARMENT:
                candidate = self.prepared.decoded.large.read(index)[window]
                if candidate.std() > 12:
                    return candidate
                patch = candidate
        return patch
