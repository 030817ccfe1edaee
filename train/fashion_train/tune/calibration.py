"""After training: temperature scaling, then a threshold for each label, on validation photos only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.progress import make_progress
from fashion_edge.thresholds import DEFAULT_IN_GROUP, DEFAULT_WITH_BACKGROUND, labels_below_precision, tune_thresholds
from fashion_train.data.cache import PixelStore
from fashion_train.data.dataset import Dataset, Targets
from fashion_train.data.prepare import Prepared
from fashion_train.data.samples import Masks, draw_colour
from fashion_train.options import TrainOptions
from fashion_train.tune.evaluate import Predict, Scores, score

if TYPE_CHECKING:
    import keras

Bins = list[tuple[float, float, int]]  # mean score, share with the label, number of scores
BINS = 10
SCALE_RANGE = (0.4, 2.5)  # a few hundred photos do not justify a larger correction
# One third of the tuning pictures shows no garment, more than a camera that points at clothes sees: with equal weights
# thresholds rose, and real dresses got no label.
NEGATIVES_WEIGHT = 0.5
Scales = NDArray[np.float64]  # (labels,): new logit = scale x logit; decisions at 0.5 stay the same


def fold_into(model: "keras.Model", scales: Scales) -> None:
    """Change the last layer, called `scores`, so that the model's scores are calibrated."""
    layer = model.get_layer("scores")
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * scales, bias * scales])


def fit_temperatures(scores: Scores, targets: Targets) -> Scales:
    """The scale for each label that maximises the likelihood of targets (n, labels) given sigmoid scores."""
    clipped = scores.astype(np.float64).clip(1e-6, 1 - 1e-6)
    logits, truth = np.log(clipped / (1 - clipped)), targets > 0.5

    def fit_one(logit: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
        if truth.all() or not truth.any():
            return 1.0
        return _best_scale(lambda scale: float(np.mean(np.logaddexp(0, scale * logit) - truth * (scale * logit))))

    return np.array([fit_one(logits[:, column], truth[:, column]) for column in range(scores.shape[1])])


def fit_temperature(scores: Scores, targets: Targets) -> Scales:
    """One scale for all labels of softmax scores (n, labels), from the rows with a label."""
    rows = targets.any(axis=1)
    if not rows.any():
        return np.ones(scores.shape[1])
    logits = np.log(scores[rows].astype(np.float64).clip(1e-7, 1))
    truth = targets[rows].argmax(axis=1)

    def loss(scale: float) -> float:
        scaled = scale * logits
        return float(np.mean(np.logaddexp.reduce(scaled, axis=1) - scaled[np.arange(len(truth)), truth]))

    return np.full(scores.shape[1], _best_scale(loss))


def _best_scale(loss: Callable[[float], float]) -> float:
    from scipy.optimize import minimize_scalar

    return float(minimize_scalar(loss, bounds=SCALE_RANGE, method="bounded").x)


def reliability(scores: Scores, targets: Targets) -> Bins:
    """For each of ten score ranges that is not empty: mean score, share with the label, number of scores."""
    flat, truth = scores.ravel(), targets.ravel() > 0.5
    bins = np.minimum((flat * BINS).astype(int), BINS - 1)
    return [
        (float(flat[bins == b].mean()), float(truth[bins == b].mean()), int((bins == b).sum()))
        for b in range(BINS)
        if (bins == b).any()
    ]


def calibration_error(scores: Scores, targets: Targets) -> float:
    """Expected calibration error over all label decisions, 0..1."""
    rows = reliability(scores, targets)
    return sum(abs(mean - share) * count for mean, share, count in rows) / sum(count for _, _, count in rows)


@dataclass(frozen=True)
class Tuned:
    """Label space with tuned thresholds, and the effect of calibration."""

    space: LabelSpace
    calibration: dict[str, Any]  # for run.json
    before: Bins  # reliability on the validation photos, as trained
    after: Bins


def tune(options: TrainOptions, prepared: Prepared, predict: Predict, model: "keras.Model") -> Tuned:
    """Fold a calibration into the model, then tune thresholds on its new scores.

    Both use the validation photos, validation background images, and recoloured validation photos, which stand for
    unseen combinations and for colours without a label.
    """
    tuning_set = TuningSet.gather(options, prepared)
    targets = tuning_set.targets
    weights = np.where(targets.any(axis=1), 1, NEGATIVES_WEIGHT).astype(np.float32)
    scores = tuning_set.score(predict)
    scales = (fit_temperatures if options.task == "multi-label" else fit_temperature)(scores, targets)
    fold_into(model, scales)
    calibrated = tuning_set.score(predict)
    labels, precision = prepared.dataset.labels, options.target_precision
    defaults = default_thresholds(prepared.dataset, with_background=tuning_set.has_unnamed)
    thresholds = tune_thresholds(calibrated, targets, labels, precision, weights, defaults)
    if precision is not None and (missed := labels_below_precision(calibrated, targets, thresholds, precision)):
        which = f"{', '.join(missed)} on the validation photos"
        options.progress.line(f"--target-precision {precision:g}: no threshold reaches it for {which}")
    photos = slice(0, len(prepared.on("val")))
    errors = [round(calibration_error(found[photos], targets[photos]), 5) for found in (scores, calibrated)]
    return Tuned(
        LabelSpace(labels, prepared.dataset.groups, thresholds),
        {
            "method": "temperature",
            "folded_into": "scores",
            "scale": dict(zip(labels, scales.round(4).tolist(), strict=True)),
            "expected_calibration_error": {"before": errors[0], "after": errors[1]},
        },
        reliability(scores[photos], targets[photos]),
        reliability(calibrated[photos], targets[photos]),
    )


def default_thresholds(dataset: Dataset, *, with_background: bool) -> dict[str, float]:
    """Default thresholds, label -> 0..1, of labels that exclude others.

    They are lower for colours, where recoloured cloth without a label was trained on (`with_background`): then a low
    score is evidence already.
    """
    colours = dataset.palette.named if with_background else ()
    grouped = [label for members in dataset.groups.values() for label in members]
    return {label: DEFAULT_WITH_BACKGROUND if label in colours else DEFAULT_IN_GROUP for label in grouped}


@dataclass(frozen=True)
class TuningSet:
    """The validation photos, then background images, then recoloured copies; read in chunks."""

    stored: tuple[tuple[PixelStore, Sequence[int]], ...]
    targets: Targets  # (n, labels)
    has_unnamed: bool  # has copies in a colour without a label; then the training data had some, too

    @classmethod
    def gather(cls, options: TrainOptions, prepared: Prepared) -> "TuningSet":
        """All pictures of the validation side."""
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
            colours = [prepared.dataset.labels.index(label) for label in prepared.dataset.palette.named]
            unnamed = bool((~labels[:, colours].any(axis=1)).any())
        return cls(tuple(stored), np.concatenate(targets), unnamed)

    def score(self, predict: Predict) -> Scores:
        """Scores (n, labels)."""
        return np.concatenate([score(predict, store, indices) for store, indices in self.stored if indices])


def recoloured_copies(prepared: Prepared, indices: list[int], unknown: float, seed: int) -> tuple[PixelStore, Targets]:
    """One copy in another colour of every photo whose garment is found: pictures and targets (n, labels)."""
    masks = Masks.find(prepared, indices, make_progress(False))
    store = PixelStore(prepared.spec.shape)
    targets: list[NDArray[np.float32]] = []
    for index in masks.colours:
        rng = np.random.default_rng([seed, index])
        colour = draw_colour(prepared.dataset.palette, unknown, rng)
        picture, target = masks.recolour(prepared, index, colour, rng, prepared.size)
        store.write(len(targets), picture)
        targets.append(target)
    return store, np.array(targets, np.float32).reshape(-1, prepared.targets.shape[1])
