"""After training: calibrate the scores, then find the score each label must reach. Validation photos only."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import say
from fashion_edge.decide import LabelSpace
from fashion_edge.opencv import load_cv2
from fashion_train.calibrate import calibration_error, fit_temperature, fit_temperatures, reliability
from fashion_train.options import TrainOptions
from fashion_train.prepare import Prepared
from fashion_train.recolour import recolour
from fashion_train.sources import Masks, draw_colour
from fashion_train.thresholds import find_missed, tune_thresholds
from fashion_train.transfer import Predict

if TYPE_CHECKING:
    import keras

# Of three tuning pictures one shows no garment. Whoever points a camera at clothes sees fewer of those: with equal
# weights thresholds rose for them, and real dresses fell silent.
NEGATIVES_WEIGH = 0.5
Pictures = NDArray[np.uint8]
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
    pictures, targets = tuning_set(options, prepared)
    weights = np.where(targets.any(axis=1), 1, NEGATIVES_WEIGH).astype(np.float32)
    plain = slice(0, len(prepared.on("val")))
    scores = predict(pictures)
    fit = fit_temperatures if options.task == "multi-label" else fit_temperature
    calibration = fit(scores, targets)
    calibration.fold_into(model)
    calibrated = predict(pictures)
    labels, groups = prepared.dataset.labels, prepared.dataset.groups
    grouped = {label for members in groups.values() for label in members}
    thresholds = tune_thresholds(calibrated, targets, labels, options.target_precision, weights, grouped)
    wanted = options.target_precision
    if wanted is not None and (missed := find_missed(calibrated, targets, thresholds, wanted)):
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


def tuning_set(options: TrainOptions, prepared: Prepared) -> tuple[Pictures, Targets]:
    """The validation photos first, then negatives, then recoloured copies, with targets (n, labels)."""
    val = prepared.on("val")
    pictures, targets = [prepared.decoded.exact.read_many(val)], [prepared.targets[val]]
    if prepared.negatives and (found := prepared.negatives.on("val")):
        pictures.append(prepared.negatives.decoded.exact.read_many(found))
        targets.append(np.zeros((len(found), targets[0].shape[1]), np.float32))
    if options.recipe.recolour:
        copies, labels = recoloured_copies(prepared, val, options.recipe.unknown_colours, options.seed)
        pictures.append(copies)
        targets.append(labels)
    return np.concatenate(pictures), np.concatenate(targets)


def recoloured_copies(prepared: Prepared, indices: list[int], unknown: float, seed: int) -> tuple[Pictures, Targets]:
    """One copy in another colour of every photo whose garment can be found; maybe none."""
    cv2 = load_cv2()
    masks = Masks.find(prepared, indices, lambda _done, _total: None)
    size = (prepared.spec.width, prepared.spec.height)
    pictures, targets = [], []
    for index in masks.colours:
        rng = np.random.default_rng([seed, index])
        colour, target = draw_colour(prepared, masks, index, unknown, rng)
        dyed = recolour(prepared.decoded.large.read(index), masks.store.read(index)[:, :, 0], colour, rng)
        pictures.append(cv2.resize(dyed, size, interpolation=cv2.INTER_AREA))
        targets.append(target)
    shape = (0, *prepared.spec.shape)
    labels = prepared.targets.shape[1]
    return np.array(pictures, np.uint8).reshape(-1, *shape[1:]), np.array(targets, np.float32).reshape(-1, labels)
