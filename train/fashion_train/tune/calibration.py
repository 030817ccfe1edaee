"""After training: calibrate the scores, then find the score each label must reach. Validation photos only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.opencv import cv2
from fashion_edge.thresholds import (
    DEFAULT_IN_GROUP,
    DEFAULT_WITH_BACKGROUND,
    labels_below_precision,
    tune_thresholds,
)
from fashion_train.data.cache import PixelStore
from fashion_train.data.dataset import Dataset
from fashion_train.data.prepare import Prepared
from fashion_train.data.recolour import recolour
from fashion_train.data.samples import Masks, draw_colour
from fashion_train.fit.distillation import Predict
from fashion_train.options import TrainOptions
from fashion_train.tune.evaluate import score
from fashion_train.tune.metrics import Scores

if TYPE_CHECKING:
    import keras


BINS = 10
SCALES = (0.4, 2.5)  # a few hundred photos do not carry a bolder correction


@dataclass(frozen=True)
class Calibration:
    """New logit = scale x logit, for each label: sharper or softer, with the same decision at 0.5."""

    scale: NDArray[np.float64]  # (labels,)

    def fold_into(self, model: "keras.Model") -> None:
        """Change the last layer, called `scores`, so that its sigmoid comes out calibrated."""
        layer = model.get_layer("scores")
        kernel, bias = layer.get_weights()
        layer.set_weights([kernel * self.scale, bias * self.scale])


def fit_temperatures(scores: Scores, targets: Scores) -> Calibration:
    """The scale for each label that makes (n, labels) sigmoid scores most likely to give the targets."""
    logits, truth = _logit(scores), targets > 0.5

    def loss(scale: float, column: int) -> float:
        scaled = scale * logits[:, column]
        return float(np.mean(np.logaddexp(0, scaled) - truth[:, column] * scaled))

    both = [column for column in range(scores.shape[1]) if 0 < truth[:, column].sum() < len(truth)]
    found = {column: _best_scale(lambda scale, c=column: loss(scale, c)) for column in both}  # type: ignore[misc]
    return Calibration(np.array([found.get(column, 1.0) for column in range(scores.shape[1])]))


def fit_temperature(scores: Scores, targets: Scores) -> Calibration:
    """One scale for all labels of softmax scores (n, labels), by the rows that carry one: it cannot say nothing."""
    rows = targets.any(axis=1)
    if not rows.any():
        return Calibration(np.ones(scores.shape[1]))
    logits = np.log(scores[rows].astype(np.float64).clip(1e-7, 1))
    truth = targets[rows].argmax(axis=1)

    def loss(scale: float) -> float:
        scaled = scale * logits
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(truth)), truth]))

    return Calibration(np.full(scores.shape[1], _best_scale(loss)))


def _best_scale(loss: Callable[[float], float]) -> float:
    from scipy.optimize import minimize_scalar

    return float(minimize_scalar(loss, bounds=SCALES, method="bounded").x)


def reliability(scores: Scores, targets: Scores) -> list[tuple[float, float, int]]:
    """For each of ten score ranges that is not empty: mean score, share that carries the label, how many."""
    flat, truth = scores.ravel(), targets.ravel() > 0.5
    bins = np.minimum((flat * BINS).astype(int), BINS - 1)
    return [
        (float(flat[bins == b].mean()), float(truth[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]


def calibration_error(scores: Scores, targets: Scores) -> float:
    """Expected calibration error over all label decisions, 0..1."""
    rows = reliability(scores, targets)
    return sum(abs(said - was) * count for said, was, count in rows) / sum(count for _, _, count in rows)


def _logit(scores: Scores) -> NDArray[np.float64]:
    clipped = scores.astype(np.float64).clip(1e-6, 1 - 1e-6)
    logits: NDArray[np.float64] = np.log(clipped / (1 - clipped))
    return logits


# Of three tuning pictures one shows no garment. Whoever points a camera at clothes sees fewer of those: with equal
# weights thresholds rose for them, and real dresses fell silent.
NEGATIVES_WEIGH = 0.5
Targets = NDArray[np.float32]


@dataclass(frozen=True)
class Tuned:
    """Label space with its thresholds, and what calibration did."""

    space: LabelSpace
    calibration: dict[str, Any]  # for run.json
    before: list[tuple[float, float, int]]  # reliability of the validation photos as trained
    after: list[tuple[float, float, int]]


def tune(options: TrainOptions, prepared: Prepared, predict: Predict, model: "keras.Model") -> Tuned:
    """Fold a calibration into the model, then tune thresholds on its new scores.

    Both look at the validation photos, at validation negatives, and at the validation photos recoloured, so that
    colours without a name and unseen combinations have a say.
    """
    tuning_set = TuningSet.gather(options, prepared)
    targets = tuning_set.targets
    weights = np.where(targets.any(axis=1), 1, NEGATIVES_WEIGH).astype(np.float32)
    plain = slice(0, len(prepared.on("val")))
    scores = tuning_set.score(predict)
    fit = fit_temperatures if options.task == "multi-label" else fit_temperature
    calibration = fit(scores, targets)
    calibration.fold_into(model)
    calibrated = tuning_set.score(predict)
    labels, groups = prepared.dataset.labels, prepared.dataset.groups
    usual = usual_thresholds(prepared.dataset, taught=tuning_set.has_unnamed)
    thresholds = tune_thresholds(calibrated, targets, labels, options.target_precision, weights, usual)
    wanted = options.target_precision
    if wanted is not None and (missed := labels_below_precision(calibrated, targets, thresholds, wanted)):
        say(
            f"--target-precision {wanted:g} is reached by no threshold for {', '.join(missed)} on the validation photos"
        )
    return Tuned(
        LabelSpace(labels, groups, thresholds),
        {
            "method": "temperature",
            "folded_into": "scores",
            "scale": dict(zip(labels, calibration.scale.round(4).tolist(), strict=True)),
            "expected_calibration_error": {
                "before": round(calibration_error(scores[plain], targets[plain]), 5),
                "after": round(calibration_error(calibrated[plain], targets[plain]), 5),
            },
        },
        reliability(scores[plain], targets[plain]),
        reliability(calibrated[plain], targets[plain]),
    )


def usual_thresholds(dataset: Dataset, *, taught: bool) -> dict[str, float]:
    """Where thresholds stay unless the photos say otherwise: label -> 0..1, for labels that exclude others.

    Of colours lower, where cloth without a label was `taught` as none of them: a low score is evidence there already.
    """
    colours = dataset.dyes.named if taught else ()
    grouped = [label for members in dataset.groups.values() for label in members]
    return {label: DEFAULT_WITH_BACKGROUND if label in colours else DEFAULT_IN_GROUP for label in grouped}


@dataclass(frozen=True)
class TuningSet:
    """The validation photos first, then negatives, then recoloured copies: read in parts, since there may be many."""

    stored: tuple[tuple[PixelStore, Sequence[int]], ...]
    targets: Targets  # (n, labels)
    has_unnamed: bool  # copies in a colour without a label: found here, such cloth was found in training as well

    @classmethod
    def gather(cls, options: TrainOptions, prepared: Prepared) -> "TuningSet":
        """Look at all photos and negatives of the validation side."""
        val = prepared.on("val")
        stored: list[tuple[PixelStore, Sequence[int]]] = [(prepared.decoded.exact, val)]
        targets = [prepared.targets[val]]
        if prepared.negatives and (found := prepared.negatives.on("val")):
            stored.append((prepared.negatives.decoded.exact, found))
            targets.append(np.zeros((len(found), targets[0].shape[1]), np.float32))
        unnamed = False
        if options.recipe.recolour:
            copies, labels = recoloured_copies(prepared, val, options.recipe.unknown_colours, options.seed)
            stored.append((copies, range(len(labels))))
            targets.append(labels)
            colours = [prepared.dataset.labels.index(label) for label in prepared.dataset.dyes.named]
            unnamed = bool((~labels[:, colours].any(axis=1)).any())
        return cls(tuple(stored), np.concatenate(targets), unnamed)

    def score(self, predict: Predict) -> Scores:
        """Scores (n, labels)."""
        return np.concatenate([score(predict, store, indices) for store, indices in self.stored if indices])


def recoloured_copies(prepared: Prepared, indices: list[int], unknown: float, seed: int) -> tuple[PixelStore, Targets]:
    """One copy in another colour of every photo whose garment can be found; maybe none."""
    masks = Masks.find(prepared, indices, lambda _done, _total: None)
    size = (prepared.spec.width, prepared.spec.height)
    store = PixelStore(prepared.spec.shape)
    targets: list[NDArray[np.float32]] = []
    for index in masks.colours:
        rng = np.random.default_rng([seed, index])
        colour, target = draw_colour(prepared, masks, index, unknown, rng)
        dyed = recolour(prepared.decoded.large.read(index), masks.store.read(index)[:, :, 0], colour, rng)
        store.write(len(targets), cv2.resize(dyed, size, interpolation=cv2.INTER_AREA))
        targets.append(target)
    return store, np.array(targets, np.float32).reshape(-1, prepared.targets.shape[1])
