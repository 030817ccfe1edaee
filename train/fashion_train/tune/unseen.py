"""Combinations that no photo shows: judged on photos kept apart, their garment in every other colour.

A recoloured photo is a stand-in for the real thing, and is called so wherever its figure stands; a combination that
photos exist of is measured truly by `--holdout` or `--leave-one-combination-out`.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch
from fashion_edge.opencv import cv2
from fashion_train.data.prepare import Prepared
from fashion_train.data.recolour import known, recolour
from fashion_train.data.samples import Masks
from fashion_train.fit.distillation import Predict
from fashion_train.tune.metrics import NO_LABEL, words

UNNAMED = "colour without a label"
STREAM = 7


@dataclass(frozen=True)
class Recoloured:
    """How many recoloured photos of one combination were decided rightly, every label of them."""

    combination: str
    trained_on: int  # photos of it on the training side
    copies: int
    right: int

    @property
    def exact(self) -> float:
        """Share of the copies, 0..1."""
        return self.right / self.copies

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {"trained_on": self.trained_on, "copies": self.copies, "exact_match": round(self.exact, 4)}


def judge_unseen(
    predict: Predict, prepared: Prepared, space: LabelSpace, seed: int, *, may_be_silent: bool = True
) -> list[Recoloured]:
    """One row a combination, seen ones first; empty where no colour label is known or no garment is found.

    Looks at the test photos, or at the validation photos where there are none. A softmax cannot be silent, so it is not
    asked about colours that have no label.
    """
    judged = prepared.on("test") or prepared.on("val")
    masks = Masks.find(prepared, judged, lambda _done, _total: None)
    trained = Counter(frozenset(prepared.dataset.photos[index].labels) for index in prepared.on("train"))
    counts: dict[str, list[bool]] = {}
    shown: dict[str, int] = {}
    for index in masks.colours:
        copies, targets, colours = _copies(prepared, masks, index, seed)
        if not colours:
            continue
        right = (decide_batch(predict(copies), space) == (targets > 0.5)).all(axis=1)
        for good, target, colour in zip(right, targets, colours, strict=True):
            if colour is None and not may_be_silent:
                continue
            labels = words(target > 0.5, space)
            name = " ".join(labels) if colour else f"{' '.join(labels) or NO_LABEL}, {UNNAMED}"
            counts.setdefault(name, []).append(bool(good))
            shown[name] = trained[frozenset(labels)]
    rows = [Recoloured(name, shown[name], len(found), sum(found)) for name, found in counts.items()]
    return sorted(rows, key=lambda row: (row.trained_on == 0, UNNAMED in row.combination, row.combination))


def _copies(
    prepared: Prepared, masks: Masks, index: int, seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32], list[str | None]]:
    """The photo in every other colour that has a label, and in one that has none: pictures, targets, labels.

    None where its own colour is the only one that is known, and an unknown word of its group may mean any other.
    """
    labels, dyes, size = prepared.dataset.labels, prepared.dataset.dyes, (prepared.spec.width, prepared.spec.height)
    rng = np.random.default_rng([seed, STREAM, index])
    own, unnamed = masks.colours[index], dyes.unnamed
    colours: list[str | None] = [label for label in dyes.named if label != own]
    if unnamed:
        colours.append(None)
    pictures, targets = [], []
    for colour in colours:
        cloth = unnamed[rng.integers(len(unnamed))] if colour is None else known(colour) or colour
        dyed = recolour(prepared.decoded.large.read(index), masks.store.read(index)[:, :, 0], cloth, rng)
        pictures.append(cv2.resize(dyed, size, interpolation=cv2.INTER_AREA))
        target = prepared.targets[index].copy()
        target[labels.index(own)] = 0
        if colour is not None:
            target[labels.index(colour)] = 1
        targets.append(target)
    return np.array(pictures, np.uint8), np.array(targets, np.float32), colours
