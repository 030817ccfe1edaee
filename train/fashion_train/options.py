"""What a training run was asked for, and the named recipes that fill in the rest."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from fashion_edge.errors import UsageError
from fashion_train.data.augment import TUTORIAL, Augmentation
from fashion_train.data.split import Fractions
from fashion_train.size import Size


@dataclass(frozen=True)
class Recipe:
    """How a network learns; independent of the data."""

    name: str
    arch: str = "compact"
    epochs: int = 120
    batch: int = 32
    optimizer: str = "muon"  # or adamw, both with warm-up and cosine decay, or adam with the tutorial's decay
    learning_rate: float = 6e-3
    weight_decay: float = 0.04
    warmup_epochs: float = 2.0
    ema: float = 0.998  # share of the old average kept at each step; 0 switches averaging off
    label_smoothing: float = 0.02
    recolour: float = 0.45  # share of positives given another colour
    unknown_colours: float = 0.33  # of those, the share in a colour that no label names
    negatives: float = 0.4  # negatives drawn per positive, where there are any
    coarse: float = 0.4  # share of all other pictures shown no finer than a negative is, lest fineness tell them apart
    patches: float = 0.1  # pieces of photos without garment, per positive
    rendered: float = 0.25  # rendered pictures, per positive
    teacher_epochs: int = 8  # for which the teacher is fitted first; 0: learn from the labels alone
    versions: int = 20  # pictures that are made of every item of an epoch for the teacher to mark
    trust: float = 0.85  # share of the teacher's score in the target; the rest is the label
    keep: str = "best"  # which epoch's weights: the last that is among the best on the validation photos, or the last
    mixed_precision: bool = False  # compute in float16, keep weights in float32; worth it on a GPU
    patience: int = 0  # epochs without a better validation score before stopping; 0 never stops early
    augmentation: Augmentation = field(default_factory=Augmentation)
    calm: float = 0.4  # share of pictures that are hardly changed
    fractions: Fractions = field(default_factory=Fractions)


RECIPES = {
    "default": Recipe("default"),
    "tutorial": Recipe(
        "tutorial",
        arch="smallervgg",
        epochs=30,
        optimizer="adam",
        learning_rate=1e-3,
        weight_decay=0.0,
        warmup_epochs=0.0,
        ema=0.0,
        label_smoothing=0.0,
        recolour=0.0,
        negatives=0.0,
        coarse=0.0,
        patches=0.0,
        rendered=0.0,
        teacher_epochs=0,
        keep="last",
        augmentation=TUTORIAL,
        calm=0.0,
        fractions=Fractions(val=0.2, test=0.0),
    ),
}


SOFTMAX = {"negatives": 0.0, "patches": 0.0, "rendered": 0.0, "unknown_colours": 0.0}
"""Changes to a recipe for a softmax: its scores sum to 1, so nothing teaches it to say nothing."""


def find_recipe(name: str, **changes: object) -> Recipe:
    """The recipe of that name, with every change that is not None applied.

    Raises:
        UsageError: no such recipe.
    """
    if name not in RECIPES:
        raise UsageError(f"--recipe {name!r} is not one of {', '.join(RECIPES)}")
    given = {key: value for key, value in changes.items() if value is not None}
    return replace(RECIPES[name], **given)  # type: ignore[arg-type]


@dataclass(frozen=True)
class TrainOptions:
    """One run of fashion-train."""

    dataset: Path
    out: Path
    recipe: Recipe
    seed: int = 42
    negatives: Path | None = None
    groups: str | None = None
    task: str = "multi-label"
    size: Size | None = None  # of the input; None: what the architecture likes
    fit: str = "stretch"
    target_precision: float | None = None
    holdout: tuple[str, ...] = ()
    tensorboard: Path | None = None  # where event files go
    limit: int | None = None  # at most so many photos of each combination
    baseline: bool = False  # fit the tutorial's network as well, for the report
    resume: bool = False
    overwrite: bool = False
    command: str = "fashion-train"
