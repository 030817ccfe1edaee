"""Pictures that training draws from besides the photos: garment masks, rendered garments and things."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.preprocess import InputSpec, preprocess
from fashion_train.cache import PixelStore
from fashion_train.garment_mask import find_garment
from fashion_train.metrics import encode
from fashion_train.palette import Dyes, known
from fashion_train.prepare import Prepared, Tick


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
    from fashion_edge.render import COLOURS, GARMENTS, OBJECTS, render_background, render_object, render_photo

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
