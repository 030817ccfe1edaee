"""Thresholds tuned again on the scores of the int8 artefact, on the grid that its sigmoid has."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch

STEPS = 256  # the converter gives an int8 sigmoid the output scale 1/256, whatever the network
WINDOW = 23  # grid steps, 0.09, to smooth over: a threshold should stand on a plateau, not on a peak of luck
# Training tuned thresholds on objects and colours it should be silent on as well, which the validation photos do
# not hold: what int8 has shifted is mended, but no label is set free to fire on anything.
REACH = 51  # grid steps, 0.2


@dataclass(frozen=True)
class Tuned:
    """One label's threshold before and after, and the F1 (0..1) of the int8 decisions at both."""

    label: str
    before: float
    after: float
    f1_before: float
    f1_after: float


def tune(scores: NDArray[np.float32], truth: NDArray[np.bool_], space: LabelSpace) -> tuple[LabelSpace, list[Tuned]]:
    """A label space whose thresholds lie half-way between two steps of the 1/256 grid, where no int8 score can be.

    A label moves only where its F1 gains, and gains more than luck, one standard error, once smoothed over neighbouring
    thresholds: to the nearest threshold within luck of the best, but no further than `REACH`. Else it stays.

    Args:
        scores: (n, labels) of the int8 artefact.
        truth: (n, labels).
        space: the thresholds to start from.
    """
    tuned = []
    for column, label in enumerate(space.labels):
        before = space.thresholds[label]
        start = int(min(max(np.ceil(before * STEPS - 1e-6), 1), STEPS)) - 1
        trials = [_with(space, label, _between(k)) for k in range(STEPS)]
        f1 = np.array([_f1(decide_batch(scores, trial)[:, column], truth[:, column]) for trial in trials])
        smooth = _smooth(f1)
        luck = _standard_error(float(smooth.max()), int(truth[:, column].sum()))
        end = start
        if smooth.max() - smooth[start] > luck:
            good = np.flatnonzero(smooth >= smooth.max() - luck)
            nearest = int(good[np.abs(good - start).argmin()])
            reached = min(max(nearest, start - REACH), start + REACH)
            end = reached if f1[reached] > f1[start] else start
        tuned.append(Tuned(label, before, _between(end), float(f1[start]), float(f1[end])))
        space = _with(space, label, _between(end))
    return space, tuned


def _between(step: int) -> float:
    """The threshold that int8 scores above `step`/256 reach: half-way to the next, so float scores agree the most."""
    return (step + 0.5) / STEPS


def _with(space: LabelSpace, label: str, threshold: float) -> LabelSpace:
    return replace(space, thresholds={**space.thresholds, label: threshold})


def _f1(chosen: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    return 2 * float((chosen & right).sum()) / max(int(chosen.sum() + right.sum()), 1)


def _standard_error(share: float, photos: int) -> float:
    """Of a share measured on so many photos; never zero, since a hundred right ones do not prove the next."""
    careful = (share * photos + 1) / (photos + 2)
    return float(np.sqrt(careful * (1 - careful) / max(photos, 1)))


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    padded = np.pad(values, WINDOW // 2, mode="edge")
    return np.convolve(padded, np.ones(WINDOW) / WINDOW, mode="valid")
