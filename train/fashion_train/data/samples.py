"""Training pictures: photos, recoloured photos, background images, patches and rendered pictures, with their labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_edge.preprocess import InputSpec, preprocess
from fashion_edge.progress import Progress
from fashion_train.data.augment import LIGHT_AUGMENTATION, Picture, Rng, Size, augment, downscale, scaled
from fashion_train.data.cache import PixelStore, map_threads
from fashion_train.data.dataset import Targets, encode
from fashion_train.data.prepare import Prepared
from fashion_train.data.recolour import Palette, cloth_name, find_garment, recolour
from fashion_train.options import Recipe

Target = NDArray[np.float32]
Sample = tuple[Picture, Target]  # (h, w, 3) uint8 and (labels,) float32
PATCH_TRIES = 8
NO_GARMENT = 0.02  # largest share of a patch that the mask may cover
RENDERED_SIZE = 200, 150


class Sampler(Protocol):
    """Makes a training picture and its target from an item's number."""

    def __len__(self) -> int: ...

    def draw(self, item: int, rng: Rng) -> Sample:
        """The picture (h, w, 3) uint8 and its target (labels,) float32."""


@dataclass(frozen=True)
class Masks:
    """Garment masks of photos, where one was found."""

    store: PixelStore  # (h, w, 1), the size of the large pictures
    colours: dict[int, str]  # photo -> the label of its colour; only photos with a mask

    @classmethod
    def find(cls, prepared: Prepared, positions: Sequence[int], progress: Progress) -> "Masks":
        """Find the cloth of the labelled colour in every photo that has exactly one known colour label."""
        large, palette = prepared.decoded.large, prepared.dataset.palette
        store = PixelStore((*large.shape[:2], 1))

        def find_one(index: int) -> tuple[int, str] | None:
            colour = palette.colour_of(prepared.dataset.photos[index].labels)
            mask = find_garment(large.read(index), cloth_name(colour) or colour) if colour else None
            if mask is None or colour is None:
                return None
            store.write(index, mask[:, :, None])
            return index, colour

        return cls(store, dict(filter(None, map_threads(find_one, positions, progress, "finding garments"))))

    def recolour(self, prepared: Prepared, index: int, label: str | None, rng: Rng, size: Size | None = None) -> Sample:
        """A photo with a mask in the colour of a label, or in one that no label names: picture and target.

        The picture is large, or of the given size.
        """
        labels, unnamed = prepared.dataset.labels, prepared.dataset.palette.unnamed
        target = prepared.targets[index].copy()
        target[labels.index(self.colours[index])] = 0
        if label is None:
            cloth = unnamed[rng.integers(len(unnamed))]
        else:
            cloth, target[labels.index(label)] = cloth_name(label) or label, 1
        picture = recolour(prepared.decoded.large.read(index), self.store.read(index)[:, :, 0], cloth, rng)
        return (cv2.resize(picture, size[::-1], interpolation=cv2.INTER_AREA) if size else picture), target


def draw_colour(palette: Palette, unknown: float, rng: Rng) -> str | None:
    """A random colour label, or None, a colour that no label names, with probability `unknown`."""
    if palette.unnamed and rng.random() < unknown:
        return None
    return palette.named[rng.integers(len(palette.named))]


@dataclass(frozen=True)
class Rendered:
    """Rendered pictures at the size that augmentation works on, with their targets."""

    store: PixelStore
    targets: Targets  # (n, labels)


def render_pictures(
    labels: Sequence[str], palette: Palette, spec: InputSpec, count: int, seed: int, progress: Progress
) -> Rendered:
    """Render `count` pictures for a label set: garments in every colour, and one third objects and empty scenes.

    Only labels that the renderer can draw take part; a set without any gets objects and scenes alone, but no object
    that a label may name.
    """
    from fashion_render import COLOURS, GARMENTS, OBJECTS, render_background, render_object, render_photo

    garments = [label for label in labels if label in GARMENTS]
    named = [label for label in palette.named if label in COLOURS]
    unnamed = [name for name in COLOURS if name in palette.unnamed or len(garments) == len(labels)]
    objects = [name for name in OBJECTS if not {name, f"{name}s", f"{name}es"}.intersection(labels)]
    store = PixelStore(spec.shape)

    def draw(number: int) -> list[str]:
        rng = np.random.default_rng([seed, number])
        shown: list[str] = []
        if garments and (named or unnamed) and rng.random() < 0.67:
            garment = garments[rng.integers(len(garments))]
            colours = named if named and (not unnamed or rng.random() < 0.7) else unnamed
            colour = colours[rng.integers(len(colours))]
            frame = render_photo(rng, garment, colour, *RENDERED_SIZE)
            shown = [word for word in (garment, colour) if word in labels]
        elif objects and rng.random() < 0.8:
            frame = render_object(rng, objects[rng.integers(len(objects))], *RENDERED_SIZE)
        else:
            frame = render_background(rng, *RENDERED_SIZE)
        store.write(number, preprocess(frame, spec))
        return shown

    shown = map_threads(draw, range(count), progress, "rendering garments")
    return Rendered(store, encode(shown, labels))


@dataclass(frozen=True)
class PhotoSampler:
    """Draws augmented pictures. Items of an epoch: every training photo once, negatives, patches, rendered pictures."""

    prepared: Prepared
    recipe: Recipe
    positives: tuple[int, ...]
    negatives: tuple[int, ...]
    masks: Masks | None
    rendered: Rendered | None
    size: Size  # of the drawn pictures

    @classmethod
    def of(
        cls, prepared: Prepared, recipe: Recipe, masks: Masks | None = None, rendered: Rendered | None = None
    ) -> "PhotoSampler":
        """Over the training side of a prepared data set, in the size of the network's input."""
        negatives = tuple(prepared.negatives.on("train")) if prepared.negatives else ()
        return cls(prepared, recipe, tuple(prepared.on("train")), negatives, masks, rendered, prepared.size)

    @classmethod
    def gather(cls, prepared: Prepared, recipe: Recipe, seed: int, progress: Progress) -> "PhotoSampler":
        """The same, with the garment masks and rendered pictures that the recipe uses."""
        masks = rendered = None
        train, data = prepared.on("train"), prepared.dataset
        if recipe.recolour:
            masks = Masks.find(prepared, train, progress)
        if count := round(2 * recipe.rendered * len(train)):
            spec = InputSpec(*prepared.decoded.large.shape[:2], fit=prepared.spec.fit)
            rendered = render_pictures(data.labels, data.palette, spec, count, seed, progress)
        return cls.of(prepared, recipe, masks, rendered)

    @property
    def counts(self) -> tuple[int, int, int, int]:
        """Items of an epoch: photos, negatives, patches, rendered pictures."""
        photos = len(self.positives)
        return (
            photos,
            round(self.recipe.negatives * photos) if self.negatives else 0,
            round(self.recipe.patches * photos) if self.masks and self.masks.colours else 0,
            round(self.recipe.rendered * photos) if self.rendered else 0,
        )

    def __len__(self) -> int:
        return sum(self.counts)

    def draw(self, item: int, rng: Rng) -> Sample:  # noqa: D102  see Sampler
        picture, target = self._pick(item, rng)
        if not self._is_negative(item) and self.negatives and rng.random() < self.recipe.downscale_probability:
            assert self.prepared.negatives is not None
            sizes = self.prepared.negatives.decoded.sizes
            picture = downscale(picture, sizes[self.negatives[rng.integers(len(self.negatives))]], rng)
        light = rng.random() < self.recipe.light_augmentation
        return augment(picture, self.size, LIGHT_AUGMENTATION if light else self.recipe.augmentation, rng), target

    def _pick(self, item: int, rng: Rng) -> Sample:
        photos, negatives, patches, _ = self.counts
        no_label = np.zeros(len(self.prepared.dataset.labels), np.float32)
        if item < photos:
            return self._photo(self.positives[item], rng)
        if self._is_negative(item):
            assert self.prepared.negatives is not None
            index = self.negatives[rng.integers(len(self.negatives))]
            return self.prepared.negatives.decoded.large.read(index), no_label
        if item < photos + negatives + patches:
            return self._patch(rng), no_label
        assert self.rendered is not None
        index = int(rng.integers(len(self.rendered.targets)))
        return self.rendered.store.read(index), self.rendered.targets[index]

    def _is_negative(self, item: int) -> bool:
        photos, negatives, _, _ = self.counts
        return photos <= item < photos + negatives

    def _photo(self, index: int, rng: Rng) -> Sample:
        """A training photo, at random in another colour."""
        if self.masks is None or index not in self.masks.colours or rng.random() >= self.recipe.recolour:
            return self.prepared.decoded.large.read(index), self.prepared.targets[index]
        colour = draw_colour(self.prepared.dataset.palette, self.recipe.unknown_colours, rng)
        return self.masks.recolour(self.prepared, index, colour, rng)

    def _patch(self, rng: Rng) -> Picture:
        """A part of a photo without the garment, at the photo's own resolution."""
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
