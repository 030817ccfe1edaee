"""MODEL_CARD.md of a run."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from fashion_edge.model_card import combinations_table, markdown_table, write_model_card

if TYPE_CHECKING:
    from fashion_train.train import Outcome

SOFTMAX_LIMITATION = "Its scores sum to 1 (softmax), so one is always the highest: it was not trained to abstain."


def write_card(outcome: "Outcome") -> str:
    """The text of MODEL_CARD.md."""
    options, spec = outcome.options, outcome.prepared.spec
    return write_model_card(
        options.out.name,
        f"An image classifier ({options.task}): one score per label, one forward pass per picture of {spec.width} x "
        f"{spec.height} pixels, RGB. For pictures of one garment, on small devices.",
        outcome.space,
        details=_details(outcome),
        training_data=_training_data(outcome),
        evaluation=_evaluation(outcome),
        limitations=[SOFTMAX_LIMITATION] if options.task == "single-label" else [],
    )


def _details(outcome: "Outcome") -> Iterator[str]:
    options, recipe, learned = outcome.options, outcome.options.recipe, outcome.learned
    cut = f", ended by Ctrl-C before the {recipe.epochs} planned" if learned.interrupted else ""
    yield f"Network: {recipe.arch}, {outcome.model.count_params():,} parameters"
    yield f"Recipe: {recipe.name}, seed {options.seed}, epoch {learned.best_epoch} of {len(learned.history)} kept{cut}"
    yield f"Command: `{options.command}`"
    if recipe.teacher_epochs:
        yield "Distilled from EfficientNet-Lite0 with ImageNet weights (Apache-2.0), which is not part of it"


def _training_data(outcome: "Outcome") -> Iterator[str]:
    options, prepared = outcome.options, outcome.prepared
    names = {"train": "for training", "val": "for validation", "test": "for testing"}
    sides = ", ".join(f"{len(prepared.on(side))} photos {name}" for side, name in names.items())
    yield f"Data set `{prepared.dataset.root.resolve().name}`, SHA-256 `{prepared.sha256}`: {sides}."
    yield combinations_table(prepared.counts)
    if options.holdout:
        yield f"Held out of training, and part of the test photos: {', '.join(options.holdout)}."
    if prepared.negatives and options.recipe.negatives:
        yield f"In addition {len(prepared.negatives.on('train'))} background images, which carry no label."


def _evaluation(outcome: "Outcome") -> Iterator[str]:
    chosen = (
        "thresholds were chosen" if outcome.options.recipe.keep == "last" else "thresholds and the epoch were chosen"
    )
    notes = {"val": f" ({chosen} on them)"}
    yield markdown_table(
        ("on", "label accuracy", "exact match"),
        [
            (f"{m.photos} {side} photos{notes.get(side, '')}", f"{m.label_accuracy:.2%}", f"{m.exact_match:.2%}")
            for side, m in outcome.judgement.metrics.items()
        ],
    )
    for side, background in outcome.judgement.silence.items():
        count = f"{background.photos} {side} background images"
        yield f"No label above its threshold on {background.silent:.2%} of {count}."
    if outcome.unseen:
        yield "Combinations without a photo, and colours without a label: see report.md."
