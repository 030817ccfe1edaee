"""How good a network is on photos that it was not trained on, decided by the same `decide` as on the device.

Combinations without a photo are evaluated on recoloured photos, the garment in every other colour. Such photos are a
stand-in for real ones, and the report says so; a combination of which photos exist is evaluated on them by `--holdout`
or `--leave-one-combination-out`.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch
from fashion_edge.progress import make_progress
from fashion_train.data.cache import PixelStore
from fashion_train.data.dataset import NO_LABEL, Targets
from fashion_train.data.prepare import Prepared
from fashion_train.data.samples import Masks

if TYPE_CHECKING:
    import keras

Scores = NDArray[np.float32]  # (n, labels), 0..1
Predict = Callable[[NDArray[np.uint8]], Scores]  # from pictures (n, h, w, 3) in the input's size
SIDES = ("val", "test")
UNNAMED = "colour without a label"
STREAM = 7  # of random numbers
PREDICT_BATCH = 64


@dataclass(frozen=True)
class Metrics:
    """Metrics of the decisions on some photos.

    Attributes:
        photos: number of photos.
        label_accuracy: share of label decisions that are right, 0..1.
        exact_match: share of photos with every label right, 0..1.
        per_label: label -> precision, recall and f1, each 0..1, or None where no photo has or gets the label.
        per_combination: labels joined by blanks -> exact match, 0..1.
    """

    photos: int
    label_accuracy: float
    exact_match: float
    per_label: Mapping[str, Mapping[str, float | None]]
    per_combination: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """For run.json; shares of all photos have so many digits that rounding them again changes no figure."""
        return {
            "photos": self.photos,
            "label_accuracy": round(self.label_accuracy, 8),
            "exact_match": round(self.exact_match, 8),
            "per_label": {k: {m: x and round(x, 4) for m, x in v.items()} for k, v in self.per_label.items()},
            "per_combination": {k: round(v, 4) for k, v in self.per_combination.items()},
        }


@dataclass(frozen=True)
class BackgroundMetrics:
    """How often the model abstains on background images: the true-negative rate.

    Attributes:
        photos: number of images.
        abstained: share without any label above its threshold, 0..1.
        by_group: group -> share without a label of that group, 0..1.
    """

    photos: int
    abstained: float
    by_group: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "photos": self.photos,
            "silent": round(self.abstained, 8),
            "by_group": {group: round(share, 8) for group, share in self.by_group.items()},
        }


@dataclass(frozen=True)
class RecolouredMetrics:
    """Exact match on the recoloured photos of one combination."""

    combination: str
    trained_on: int  # photos of it on the training side
    copies: int
    right: int

    @property
    def exact_match(self) -> float:
        """Share of the copies with every label right, 0..1."""
        return self.right / self.copies

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {"trained_on": self.trained_on, "copies": self.copies, "exact_match": round(self.exact_match, 4)}


@dataclass(frozen=True)
class Evaluation:
    """Scores and metrics, by side of the split."""

    scores: dict[str, Scores]  # photos of `prepared.on(side)`
    metrics: dict[str, Metrics]
    background: dict[str, BackgroundMetrics]

    def to_json(self) -> dict[str, Any]:
        """The keys `metrics` and `negatives` of run.json."""
        return {
            "metrics": {side: metrics.to_json() for side, metrics in self.metrics.items()},
            "negatives": {side: metrics.to_json() for side, metrics in self.background.items()},
        }


def make_predict(model: "keras.Model") -> Predict:
    """A function that scores pictures by the weights that the model has when it is called."""
    import tensorflow as tf

    tf.get_logger().addFilter(_is_worth_reading)
    forward = tf.function(lambda pictures: model(tf.cast(pictures, tf.float32), training=False), reduce_retracing=True)

    def predict(pictures: NDArray[np.uint8]) -> Scores:
        starts = range(0, len(pictures), PREDICT_BATCH)
        return np.concatenate([forward(pictures[start : start + PREDICT_BATCH]).numpy() for start in starts])

    return predict


def _is_worth_reading(record: logging.LogRecord) -> bool:
    """Drop TensorFlow's advice not to compile one function often: every network needs its own."""
    return "triggered tf.function retracing" not in record.getMessage()


def evaluate(predict: Predict, prepared: Prepared, space: LabelSpace) -> Evaluation:
    """Measure on the validation and test photos, and on the background images of both sides."""
    scores = {side: score(predict, prepared.decoded.exact, prepared.on(side)) for side in SIDES if prepared.on(side)}
    metrics = {side: measure(found, prepared.targets[prepared.on(side)], space) for side, found in scores.items()}
    background, negatives = {}, prepared.negatives
    for side in SIDES:
        if negatives and (indices := negatives.on(side)):
            background[side] = measure_background(score(predict, negatives.decoded.exact, indices), space)
    return Evaluation(scores, metrics, background)


def score(predict: Predict, store: PixelStore, indices: Sequence[int]) -> Scores:
    """Scores of stored pictures, at least one, read in chunks."""
    return np.concatenate([predict(chunk) for chunk in store.chunks(indices)])


def measure(scores: Scores, targets: Targets, space: LabelSpace) -> Metrics:
    """Decide from scores (n, labels), at least one row, and compare with targets of the same shape."""
    if len(scores) == 0:
        raise ValueError("metrics need at least one photo")
    chosen, truth = decide_batch(scores, space), targets > 0.5
    right = chosen == truth
    exact = right.all(axis=1)
    names = [" ".join(names_of(row, space)) for row in truth]
    return Metrics(
        photos=len(scores),
        label_accuracy=float(right.mean()),
        exact_match=float(exact.mean()),
        per_label={label: _precision_recall(chosen[:, i], truth[:, i]) for i, label in enumerate(space.labels)},
        per_combination={name: float(exact[[other == name for other in names]].mean()) for name in sorted(set(names))},
    )


def _precision_recall(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float | None]:
    hits, positives, there = float((chosen & truth).sum()), float(chosen.sum()), float(truth.sum())
    return {
        "precision": hits / positives if positives else None,
        "recall": hits / there if there else None,
        "f1": 2 * hits / (positives + there) if positives + there else None,
    }


def measure_background(scores: Scores, space: LabelSpace) -> BackgroundMetrics:
    """How often no label is given, from scores (n, labels) of background images."""
    chosen = decide_batch(scores, space)
    columns = {group: [space.labels.index(label) for label in members] for group, members in space.groups.items()}
    return BackgroundMetrics(
        len(chosen),
        float((~chosen.any(axis=1)).mean()),
        {group: float((~chosen[:, at].any(axis=1)).mean()) for group, at in columns.items()},
    )


def names_of(truth: NDArray[np.bool_], space: LabelSpace) -> list[str]:
    """The labels of one row, in the order of the groups; labels in no group come last."""
    there = {label for label, is_so in zip(space.labels, truth, strict=True) if is_so}
    ordered = [label for members in space.groups.values() for label in members if label in there]
    return ordered + [label for label in space.free_labels if label in there]


def evaluate_recoloured(
    predict: Predict, prepared: Prepared, space: LabelSpace, seed: int, *, may_abstain: bool = True
) -> tuple[RecolouredMetrics, ...]:
    """Measure on recoloured test photos, or validation photos where there are no test photos.

    Seen combinations come first; there are none where no colour label is known or no garment is found. Colours without
    a label are left out where the model cannot abstain, as a softmax.
    """
    masks = Masks.find(prepared, prepared.on("test") or prepared.on("val"), make_progress(False))
    trained = Counter(frozenset(prepared.dataset.photos[index].labels) for index in prepared.on("train"))
    palette, right, trained_on = prepared.dataset.palette, dict[str, list[bool]](), dict[str, int]()
    for index, own in masks.colours.items():
        rng = np.random.default_rng([seed, STREAM, index])
        colours = [*(label for label in palette.named if label != own), *([None] if palette.unnamed else [])]
        if not colours:
            continue  # its colour is the only known one, and an unknown word of its group may mean any other
        copies = [masks.recolour(prepared, index, colour, rng, prepared.size) for colour in colours]
        targets = np.stack([target for _, target in copies]) > 0.5
        exact = (decide_batch(predict(np.stack([picture for picture, _ in copies])), space) == targets).all(axis=1)
        for is_right, target, colour in zip(exact, targets, colours, strict=True):
            if colour is None and not may_abstain:
                continue
            labels = names_of(target, space)
            name = " ".join(labels) if colour else f"{' '.join(labels) or NO_LABEL}, {UNNAMED}"
            right.setdefault(name, []).append(bool(is_right))
            trained_on[name] = trained[frozenset(labels)]
    rows = [RecolouredMetrics(name, trained_on[name], len(found), sum(found)) for name, found in right.items()]
    return tuple(sorted(rows, key=lambda row: (row.trained_on == 0, UNNAMED in row.combination, row.combination)))
