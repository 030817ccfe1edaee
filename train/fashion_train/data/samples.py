"""One training picture: where it comes from, what is done to it, and what it is then said to show."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.preprocess import InputSpec, preprocess
from fashion_train.data.augment import CALM, Picture, Rng, augment, coarsen
from fashion_train.data.cache import PixelStore
from fashion_train.data.prepare import Prepared, Tick
from fashion_train.data.recolour import Dyes, find_garment, known, recolour
from fashion_train.options import Recipe
from fashion_train.size import Size, scaled
from fashion_train.tune.metrics import encode


@dataclass(frozen=True)
class Masks:
    """Garment masks of training photos, where one was found."""

    store: PixelStore  # (h, w, 1), the size of the large pictures
    colours: dict[int, str]  # photo -> the label of its colour; only photos with a mask

    @classmethod
    def find(cls, prepared: Prepared, positions: Sequence[int], tick: Callable[[int, int], None]) -> "Masks":
        """Look for the cloth of the labelled colour in every photo that has exactly one known colour label."""
        large, dyes = prepared.decoded.large, prepared.dataset.dyes
        store = PixelStore((*large.shape[:2], 1))

        def look(index: int) -> tuple[int, str] | None:
            colour = dyes.find(prepared.dataset.photos[index].labels)
            mask = find_garment(large.read(index), known(colour) or colour) if colour else None
            if mask is None or colour is None:
                return None
            store.write(index, mask[:, :, None])
            return index, colour

        colours: dict[int, str] = {}
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            for done, found in enumerate(pool.map(look, positions), start=1):
                if found:
                    colours[found[0]] = found[1]
                tick(done, len(positions))
        return cls(store, colours)


def draw_colour(
    prepared: Prepared, masks: Masks, index: int, unknown: float, rng: np.random.Generator
) -> tuple[str, NDArray[np.float32]]:
    """Another colour for a photo with a mask, and the target (labels,) that the recoloured photo has.

    With probability `unknown` it is a colour that no label stands for: then no colour is the right answer.
    """
    labels, dyes = prepared.dataset.labels, prepared.dataset.dyes
    target = prepared.targets[index].copy()
    target[labels.index(masks.colours[index])] = 0
    if dyes.unnamed and rng.random() < unknown:
        return dyes.unnamed[rng.integers(len(dyes.unnamed))], target
    label = dyes.named[rng.integers(len(dyes.named))]
    target[labels.index(label)] = 1
    return known(label) or label, target


@dataclass(frozen=True)
class Rendered:
    """Rendered pictures at the size augmentation works on, with their targets."""

    store: PixelStore
    targets: NDArray[np.float32]  # (n, labels)

    def __len__(self) -> int:
        """How many there are."""
        return len(self.targets)


def render_for(
    labels: Sequence[str], dyes: Dyes, spec: InputSpec, count: int, seed: int, tick: Callable[[int, int], None]
) -> Rendered:
    """Render `count` pictures for a label set: garments in every colour, a third of them things and empty scenes.

    Only labels that the renderer can draw take part; a set without any gets things and scenes alone, but no thing that
    a label may name.
    """
    from fashion_render import COLOURS, GARMENTS, OBJECTS, render_background, render_object, render_photo

    garments = [label for label in labels if label in GARMENTS]
    named = [label for label in dyes.named if label in COLOURS]
    unnamed = [name for name in COLOURS if name in dyes.unnamed or len(garments) == len(labels)]
    things = [thing for thing in OBJECTS if not {thing, f"{thing}s", f"{thing}es"}.intersection(labels)]
    store = PixelStore(spec.shape)
    size = (200, 150)

    def draw(number: int) -> list[str]:
        rng = np.random.default_rng([seed, number])
        shown: list[str] = []
        if garments and (named or unnamed) and rng.random() < 0.67:
            garment = garments[rng.integers(len(garments))]
            palette = named if named and (not unnamed or rng.random() < 0.7) else unnamed
            colour = palette[rng.integers(len(palette))]
            frame = render_photo(rng, garment, colour, *size)
            shown = [word for word in (garment, colour) if word in labels]
        elif things and rng.random() < 0.8:
            frame = render_object(rng, things[rng.integers(len(things))], *size)
        else:
            frame = render_background(rng, *size)
        store.write(number, preprocess(frame, spec))
        return shown

    shown = []
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        for words in pool.map(draw, range(count)):
            shown.append(words)
            tick(len(shown), count)
    return Rendered(store, encode(shown, labels))


def gather(
    prepared: Prepared, rendered: int, recolour: bool, seed: int, tick: Tick
) -> tuple[Masks | None, Rendered | None]:
    """Masks where recolouring is asked for, rendered pictures where a number of them is."""
    masks = (
        Masks.find(prepared, prepared.on("train"), lambda done, total: tick("finding garments", done, total))
        if recolour
        else None
    )
    spec = InputSpec(*prepared.decoded.large.shape[:2], fit=prepared.spec.fit)
    pictures = (
        render_for(
            prepared.dataset.labels,
            prepared.dataset.dyes,
            spec,
            rendered,
            seed,
            lambda done, total: tick("rendering garments", done, total),
        )
        if rendered
        else None
    )
    return masks, pictures


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
