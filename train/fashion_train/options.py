"""Recipes and the options of a training run."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from fashion_edge.errors import UsageError
from fashion_edge.progress import Progress, make_progress
from fashion_train.data.augment import TUTORIAL, Augmentation, Size
from fashion_train.data.split import Fractions

MIN_SIDE, MAX_SIDE = 32, 512  # of the input, pixels


class Recipe(msgspec.Struct, frozen=True):
    """How a network is trained, independent of the data; its fields are the key `recipe` of run.json."""

    name: str
    arch: str = "compact"
    epochs: int = 120
    batch: int = 32
    optimizer: str = "muon"  # or adamw, both with warm-up and cosine decay, or adam with the tutorial's decay
    learning_rate: float = 6e-3
    weight_decay: float = 0.04
    warmup_epochs: float = 2.0
    ema: float = 0.998  # decay of the exponential moving average of the weights; 0 switches averaging off
    label_smoothing: float = 0.02
    recolour: float = 0.45  # probability that a photo is given another colour
    unknown_colours: float = 0.33  # of those, the share in a colour that no label names
    negatives: float = 0.4  # background images per photo, where there are any
    downscale_probability: float = msgspec.field(default=0.4, name="coarse")  # see `augment.downscale`
    patches: float = 0.1  # parts of photos without the garment, per photo
    rendered: float = 0.25  # rendered pictures, per photo
    teacher_epochs: int = 8  # epochs of the teacher; 0 trains on the labels alone
    views: int = msgspec.field(default=20, name="versions")  # augmented views per item that the teacher labels
    distillation_weight: float = msgspec.field(default=0.85, name="trust")  # of the soft label; the rest is the label
    keep: str = "best"  # weights to keep: "last", or "best", the last epoch among the best on the validation photos
    mixed_precision: bool = False  # compute in float16, keep weights in float32; faster on a GPU
    patience: int = 0  # early stopping: epochs without a better validation score; 0 never stops early
    augmentation: Augmentation = msgspec.field(default_factory=Augmentation)
    light_augmentation: float = msgspec.field(default=0.4, name="calm")  # share of pictures that are augmented lightly
    fractions: Fractions = msgspec.field(default_factory=Fractions)


# What the tutorial does not do.
OFF: Any = dict.fromkeys(("weight_decay", "warmup_epochs", "ema", "label_smoothing", "light_augmentation"), 0.0)
OFF |= dict.fromkeys(("recolour", "negatives", "downscale_probability", "patches", "rendered"), 0.0)
RECIPES = {
    "default": Recipe("default"),
    "tutorial": Recipe(
        "tutorial",
        arch="smallervgg",
        epochs=30,
        optimizer="adam",
        learning_rate=1e-3,
        teacher_epochs=0,
        keep="last",
        augmentation=TUTORIAL,
        fractions=Fractions(val=0.2, test=0.0),
        **OFF,
    ),
}
# Changes to a recipe for a softmax: its scores sum to 1, so it cannot learn to give no label.
SOFTMAX = {"negatives": 0.0, "patches": 0.0, "rendered": 0.0, "unknown_colours": 0.0}


def find_recipe(name: str, **changes: object) -> Recipe:
    """The recipe of that name, with every change that is not None applied."""
    if name not in RECIPES:
        raise UsageError(f"--recipe {name!r} is not one of {', '.join(RECIPES)}")
    return msgspec.structs.replace(RECIPES[name], **{key: value for key, value in changes.items() if value is not None})


def parse_size(text: str) -> Size:
    """Read `96`, a square, or `96x120`, width by height, as (height, width) in pixels."""
    sides = text.lower().split("x")
    if not (1 <= len(sides) <= 2 and all(re.fullmatch("[0-9]{1,9}", side) for side in sides)):
        raise UsageError(f"--size {text!r:.60} is neither a number of pixels, as 96, nor WIDTHxHEIGHT, as 96x120")
    width, height = int(sides[0]), int(sides[-1])
    if not all(MIN_SIDE <= side <= MAX_SIDE for side in (height, width)):
        raise UsageError(f"--size {text}: sides must be {MIN_SIDE} to {MAX_SIDE} pixels; 96 or 96x120 works")
    return height, width


@dataclass(frozen=True)
class TrainOptions:
    """The options of one run."""

    dataset: Path
    out: Path
    recipe: Recipe
    seed: int = 42
    negatives: Path | None = None
    groups: str | None = None
    task: str = "multi-label"  # or single-label
    size: Size | None = None  # of the input; None: the architecture's
    fit: str = "stretch"
    target_precision: float | None = None
    holdout: tuple[str, ...] = ()
    tensorboard: Path | None = None  # folder for event files
    limit: int | None = None  # most photos of each combination
    baseline: bool = False  # train the tutorial's network as well, for the report
    resume: bool = False
    overwrite: bool = False
    command: str = "fashion-train"
    progress: Progress = field(default_factory=lambda: make_progress(False), repr=False, compare=False)
