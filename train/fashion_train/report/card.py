"""The run's model card: what it is for, what it learned from, how good it is, and what it was never asked.

Source: Mitchell et al., "Model cards for model reporting", 2019.
"""

from typing import TYPE_CHECKING

from fashion_train.tune.metrics import NO_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fashion_train.train import Outcome

LIMITS = (
    "The figures hold for photos like those of the data set. Other cameras, light, backgrounds, body shapes and skin "
    "tones were not measured unless a line above says so.",
    "It names what it was taught; a thing or a colour that it was not taught may still get a label.",
    "Colours are names for ranges that have no sharp edge: navy against black, or burgundy against brown, is a matter "
    "of the labels it learned from.",
    "It describes garments, not people; it is not made to identify or judge anyone.",
)
SOFTMAX_LIMIT = "Its scores sum to 1 (softmax), so one is always the highest: it was never taught to say nothing."


def write_card(outcome: "Outcome") -> str:
    """MODEL_CARD.md of a run."""
    softmax = outcome.options.task == "single-label"
    limits = ["## Limits", "", *(f"- {limit}" for limit in (*LIMITS, *([SOFTMAX_LIMIT] if softmax else [])))]
    sections = [_model_lines(outcome), *_data_sections(outcome), *_measured_sections(outcome), limits]
    return "\n\n".join("\n".join(section) for section in sections) + "\n"


def _model_lines(outcome: "Outcome") -> list[str]:
    """What it is."""
    options, spec, space = outcome.options, outcome.prepared.spec, outcome.space
    recipe = options.recipe
    learned = outcome.learned
    cut = f", ended by Ctrl-C before the {recipe.epochs} planned" if learned.interrupted else ""
    lines = [
        f"# Model card: {options.out.name}",
        "",
        f"An image classifier ({options.task}): one score a label, one forward pass a picture of {spec.width} x "
        f"{spec.height} pixels, RGB. For pictures of one garment, on small devices.",
        "",
        f"- Labels: {', '.join(space.labels)}",
        *(f"- {name} (exclude each other): {', '.join(members)}" for name, members in space.groups.items()),
        f"- Network: {recipe.arch}, {outcome.model.count_params():,} parameters",
        f"- Recipe: {recipe.name}, seed {options.seed}, epoch {learned.best_epoch} of {len(learned.history)} kept{cut}",
        f"- Command: `{options.command}`",
    ]
    if recipe.teacher_epochs:
        lines.append("- Taught by EfficientNet-Lite0 with ImageNet weights (Apache-2.0), which is not part of it")
    return lines


def _data_sections(outcome: "Outcome") -> "Iterator[list[str]]":
    """What it learned from."""
    options, prepared = outcome.options, outcome.prepared
    names = {"train": "for training", "val": "for validation", "test": "for testing"}
    sides = ", ".join(f"{len(prepared.on(side))} photos {name}" for side, name in names.items())
    yield [
        "## Learned from",
        "",
        f"Data set `{prepared.dataset.root.resolve().name}`, SHA-256 `{prepared.sha256}`: {sides}.",
        "",
        "| combination | photos |",
        "|---|---:|",
        *(f"| {name or NO_LABEL} | {count} |" for name, count in prepared.counts.items()),
    ]
    if options.holdout:
        yield [f"Kept out of training, and part of the test photos: {', '.join(options.holdout)}."]
    if prepared.negatives and options.recipe.negatives:
        yield [f"And {len(prepared.negatives.on('train'))} photos of other things, which carry no label."]


def _measured_sections(outcome: "Outcome") -> "Iterator[list[str]]":
    """How good it is."""
    last = outcome.options.recipe.keep == "last"
    chosen = "thresholds were chosen" if last else "thresholds and the epoch were chosen"
    yield [
        "## Measured",
        "",
        "| on | label accuracy | exact match |",
        "|---|---:|---:|",
        *(
            f"| {m.photos} {side} photos{f' ({chosen} on them)' if side == 'val' else ''} "
            f"| {m.label_accuracy:.2%} | {m.exact_match:.2%} |"
            for side, m in outcome.judgement.metrics.items()
        ),
    ]
    for side, quiet in outcome.judgement.silence.items():
        yield [f"Silent on {quiet.silent:.2%} of {quiet.photos} {side} photos of other things."]
    if outcome.unseen:
        yield ["Combinations without a photo, and colours without a label: see report.md."]
