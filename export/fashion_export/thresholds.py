"""Thresholds tuned again on the scores of the int8 artefact, on the grid that its sigmoid has."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch

STEPS = 256  # the converter gives an int8 sigmoid the output scale 1/256, whatever the network
WORTH = 2  # decisions that a move must mend: one photo is luck


@dataclass(frozen=True)
class Tuned:
    """One label's threshold before and after, and the F1 (0..1) of the int8 decisions at both."""

    label: str
    before: float
    after: float
    f1_before: float
    f1_after: float


def tune(scores: NDArray[np.float32], truth: NDArray[np.bool_], space: LabelSpace) -> tuple[LabelSpace, list[Tuned]]:
    """A label space with thresholds on the 1/256 grid.

    Each label moves to the threshold with the best F1, and of several as good ones to the nearest, but only where that
    mends `WORTH` decisions of the validation photos; else it goes to the grid point that decides as before.

    Args:
        scores: (n, labels) of the int8 artefact.
        truth: (n, labels).
        space: the thresholds to start from.
    """
    tuned = []
    for column, label in enumerate(space.labels):
        before = space.thresholds[label]
        same = min(np.ceil(before * STEPS - 1e-6), STEPS) / STEPS
        start = _judge(scores, truth, space, label, column, same)
        best = max(
            ((*_judge(scores, truth, space, label, column, k / STEPS), k / STEPS) for k in range(1, STEPS)),
            key=lambda entry: (entry[0], -abs(entry[2] - before)),
        )
        moves = truth[:, column].any() and best[0] > start[0] and start[1] - best[1] >= WORTH
        after = best[2] if moves else float(same)
        tuned.append(Tuned(label, before, after, start[0], best[0] if moves else start[0]))
        space = replace(space, thresholds={**space.thresholds, label: after})
    return space, tuned


def _judge(
    scores: NDArray[np.float32], truth: NDArray[np.bool_], space: LabelSpace, label: str, column: int, threshold: float
) -> tuple[float, int]:
    """F1 and the number of wrong decisions of one label at a threshold, all others as they are."""
    trial = replace(space, thresholds={**space.thresholds, label: threshold})
    chosen, right = decide_batch(scores, trial)[:, column], truth[:, column]
    hits, wrong = int((chosen & right).sum()), int((chosen != right).sum())
    return (2 * hits / (2 * hits + wrong) if hits else 0.0), wrong
