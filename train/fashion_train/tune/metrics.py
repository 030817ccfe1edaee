"""How good scores are: by the same `decide` that runs on the device."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace, decide_batch

Scores = NDArray[np.float32]
Targets = NDArray[np.float32]
NO_LABEL = "nothing"  # what a photo without a label is called


@dataclass(frozen=True)
class Metrics:
    """What was decided against what is so."""

    photos: int
    label_accuracy: float  # share of label decisions that are right
    exact_match: float  # share of photos with every label right
    per_label: Mapping[str, Mapping[str, float | None]]  # precision, recall, f1; None where no photo could tell
    per_combination: Mapping[str, float]  # exact match

    def to_json(self) -> dict[str, Any]:
        """For run.json; shares of all photos so fine that no page that rounds them again shows another figure."""
        return {
            "photos": self.photos,
            "label_accuracy": round(self.label_accuracy, 8),
            "exact_match": round(self.exact_match, 8),
            "per_label": {k: {m: _rounded(x) for m, x in v.items()} for k, v in self.per_label.items()},
            "per_combination": {k: round(v, 4) for k, v in self.per_combination.items()},
        }


def encode(combinations: Sequence[Sequence[str]], labels: Sequence[str]) -> Targets:
    """Labels of n photos as (n, n_labels) float32 of 0 and 1."""
    column = {label: i for i, label in enumerate(labels)}
    targets = np.zeros((len(combinations), len(labels)), np.float32)
    for row, words in enumerate(combinations):
        targets[row, [column[word] for word in words]] = 1
    return targets


def measure(scores: Scores, targets: Targets, space: LabelSpace) -> Metrics:
    """Decide from scores (n, n_labels) and compare with targets of the same shape.

    Raises:
        ValueError: no photo to measure on.
    """
    if len(scores) == 0:
        raise ValueError("metrics need at least one photo")
    chosen, truth = decide_batch(scores, space), targets > 0.5
    right = chosen == truth
    exact = right.all(axis=1)
    names = [" ".join(words(row, space)) for row in truth]
    return Metrics(
        photos=len(scores),
        label_accuracy=float(right.mean()),
        exact_match=float(exact.mean()),
        per_label={label: _prf(chosen[:, i], truth[:, i]) for i, label in enumerate(space.labels)},
        per_combination={name: float(exact[[other == name for other in names]].mean()) for name in sorted(set(names))},
    )


@dataclass(frozen=True)
class Silence:
    """How often nothing is said of photos that show nothing known."""

    photos: int
    silent: float  # share with no label at all
    by_group: Mapping[str, float]  # share with no label of the group

    def to_json(self) -> dict[str, Any]:
        """For run.json."""
        return {
            "photos": self.photos,
            "silent": round(self.silent, 8),
            "by_group": {group: round(share, 8) for group, share in self.by_group.items()},
        }


def silent(scores: Scores, space: LabelSpace) -> Silence:
    """Measure silence on scores (n, n_labels) of photos that carry no label."""
    chosen = decide_batch(scores, space)
    columns = {group: [space.labels.index(label) for label in members] for group, members in space.groups.items()}
    return Silence(
        len(chosen),
        float((~chosen.any(axis=1)).mean()),
        {group: float((~chosen[:, at].any(axis=1)).mean()) for group, at in columns.items()},
    )


def words(truth: NDArray[np.bool_], space: LabelSpace) -> list[str]:
    """The labels of one row, in the order of the groups, free ones behind."""
    there = {label for label, is_so in zip(space.labels, truth, strict=True) if is_so}
    ordered = [label for members in space.groups.values() for label in members if label in there]
    return ordered + [label for label in space.free_labels if label in there]


def _prf(chosen: NDArray[np.bool_], truth: NDArray[np.bool_]) -> dict[str, float | None]:
    hits, said, there = float((chosen & truth).sum()), float(chosen.sum()), float(truth.sum())
    return {
        "precision": hits / said if said else None,
        "recall": hits / there if there else None,
        "f1": 2 * hits / (said + there) if said + there else None,
    }


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
