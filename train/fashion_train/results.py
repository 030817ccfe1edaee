"""What a training leaves: the run as a library returns it, and all that its report is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import keras

    from fashion_edge.decide import LabelSpace
    from fashion_train.data.prepare import Prepared
    from fashion_train.options import TrainOptions
    from fashion_train.tune.calibration import Tuned
    from fashion_train.tune.evaluate import BackgroundMetrics, Evaluation, Metrics, RecolouredMetrics
    from fashion_train.tune.label_errors import LabelError


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch; a row of history.csv."""

    epoch: int  # counted from 1
    loss: float
    accuracy: float  # label accuracy on the augmented training pictures, at 0.5
    val_loss: float
    val_accuracy: float
    val_exact: float
    learning_rate: float
    images_per_second: float
    seconds: float


@dataclass(frozen=True)
class FitResult:
    """The epochs of one network; the model has the weights of `best_epoch`."""

    history: tuple[Epoch, ...]
    best_epoch: int
    interrupted: bool


@dataclass(frozen=True)
class TrainingResult:
    """A finished training, before it is written."""

    options: TrainOptions
    prepared: Prepared
    model: keras.Model
    fit: FitResult
    tuned: Tuned
    evaluation: Evaluation
    recoloured: tuple[RecolouredMetrics, ...]
    baseline: Evaluation | None  # of the tutorial's recipe on the same photos
    label_errors: tuple[LabelError, ...]
    seconds: float

    @property
    def space(self) -> LabelSpace:
        """Labels, groups and tuned thresholds."""
        return self.tuned.space

    @property
    def incomplete(self) -> bool:
        """Whether Ctrl-C left something out that `resume` finishes."""
        return self.fit.interrupted or (self.options.baseline and self.baseline is None)


@dataclass(frozen=True)
class Run:
    """A run that `train` wrote.

    Attributes:
        path: the run folder; of several workers only the first one writes it.
        labels: in output order.
        groups: group -> labels that exclude each other.
        thresholds: label -> score from which on it is decided, 0..1.
        metrics: "val" and, where there are any, "test" photos -> metrics.
        background: the same for background images; empty without negatives.
        best_epoch: the epoch whose weights were kept, counted from 1.
        interrupted: whether Ctrl-C ended the training early; `train(..., resume=True)` finishes it.
        unreadable: files that were left out.
        seconds: how long the training took.

    Example:
        >>> run = train(dataset="photos", out="runs/first")
        >>> run.metrics["test"].exact_match
        0.9712
    """

    path: Path
    labels: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    thresholds: Mapping[str, float]
    metrics: Mapping[str, Metrics]
    background: Mapping[str, BackgroundMetrics]
    best_epoch: int
    interrupted: bool
    unreadable: tuple[str, ...]
    seconds: float

    @classmethod
    def of(cls, path: Path, result: TrainingResult) -> Run:
        """The run of a result that was written to `path`."""
        space, evaluation, fit = result.space, result.evaluation, result.fit
        return cls(
            path,
            space.labels,
            space.groups,
            space.thresholds,
            evaluation.metrics,
            evaluation.background,
            fit.best_epoch,
            result.incomplete,
            tuple(file for file, _ in result.prepared.failures),
            result.seconds,
        )


@dataclass(frozen=True)
class Row:
    """Result of one training without a combination; an entry of leave_out.json.

    Attributes:
        combination: as a folder name, such as "black_dress".
        photos: readable photos of it.
        unseen_exact: exact match on those, 0..1; None where there are none.
        seen_exact: exact match on the validation photos of all other combinations, 0..1.
        baseline_exact: exact match of the tutorial's recipe on the photos of the combination, if it was trained.
    """

    combination: str
    photos: int
    unseen_exact: float | None
    seen_exact: float
    baseline_exact: float | None


@dataclass(frozen=True)
class LeaveOneOut:
    """Result of `leave_one_combination_out`.

    Attributes:
        path: folder with leave_out.json and report.md.
        rows: one for each combination.
        unreadable: number of files that were left out.
    """

    path: Path
    rows: tuple[Row, ...]
    unreadable: int
