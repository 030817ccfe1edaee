"""MODEL_CARD.md: what the model knows, what it was taught on, and what nobody has measured."""

from typing import Any

from fashion_export.outcome import Outcome
from fashion_export.report import reference_line

KINDS = {
    "multi-label": "A multi-label image classifier: one sigmoid score a label, one forward pass a picture.",
    "single-label": "A single-label image classifier: softmax scores that add up to one, one forward pass a picture.",
}


def _kind(task: object) -> str:
    """What the scores are; of a model trained elsewhere it is not known how they came about."""
    return KINDS.get(str(task), "An image classifier: one score a label, one forward pass a picture.")


def model_card(outcome: Outcome) -> str:
    """The text of MODEL_CARD.md; every figure comes from run.json or from this export."""
    run, data = outcome.provenance["run"], outcome.provenance["dataset"]
    model, space, spec = run["model"], outcome.space, outcome.source.spec
    lines = [
        f"# Model card: {outcome.source.name}",
        "",
        _kind(model.get("task")),
        "",
        f"- Labels: {', '.join(space.labels)}",
        *(f"- {name} (exclude each other): {', '.join(members)}" for name, members in space.groups.items()),
        f"- Input: {spec.width} x {spec.height} pixels, {spec.channels}, uint8, fit `{spec.fit}`",
        f"- Network: {model.get('arch', 'unknown')}, {_number(model.get('parameters'))} parameters",
        f"- Trained: {run['created'] or 'elsewhere'}, seed {run['seed']}, `{run['command'] or 'unknown command'}`",
        "",
        "## Data",
        "",
        f"Data set `{data['name']}`, {_number(data['photos'])} photos, SHA-256 `{data['sha256']}`."
        if data["sha256"]
        else f"Trained elsewhere, on data that nobody named here; exported with the photos of `{data['name']}`.",
        "",
        *_counts(data["counts"]),
        "Combinations that are not in this table were never shown to the network unless the training made them "
        "(see the run's command).",
        "",
        "## Measured",
        "",
        *_metrics(run),
        f"- Of this export: {reference_line(outcome)}",
        *([f"- {outcome.too_few}."] if outcome.too_few else []),
        "",
        "Per file, with the runtime of the device: see report.md.",
        "",
        *_recoloured(run["recoloured"]),
        "## Thresholds",
        "",
        "A score at or above its threshold counts: "
        + ", ".join(f"{label} {value:.3f}" for label, value in space.thresholds.items())
        + ".",
        "",
        "## Limits",
        "",
        "- The figures above hold for photos like those of the data set. Other cameras, light, backgrounds, "
        "body shapes and skin tones were not measured unless a line above says so.",
        "- It names what it was taught; an object that it was not taught may still get a label.",
        "- It describes garments, not people; it is not made to identify or judge anyone.",
    ]
    return "\n".join(lines) + "\n"


def _counts(counts: dict[str, int]) -> list[str]:
    if not counts:
        return []
    return ["| combination | photos |", "|---|---|", *(f"| {name or 'none'} | {n} |" for name, n in counts.items()), ""]


def _metrics(run: dict[str, Any]) -> list[str]:
    """One line a figure of the training, the baseline's beside it."""
    lines, baseline = [], run["baseline"]
    for split, values in run["metrics"].items():
        line = f"- Keras on the run's {values['photos']:,} {split} photos: {_pair(values)}"
        if other := (baseline.get("metrics") or {}).get(split):
            line += f"; by the {baseline.get('recipe')} recipe on the same photos: {_pair(other)}"
        lines.append(line)
    for split, values in run["negatives"].items():
        line = f"- Keras on {values['photos']:,} {split} photos of other things: silent on {values['silent']:.2%}"
        if other := (baseline.get("negatives") or {}).get(split):
            line += f"; by the {baseline.get('recipe')} recipe: {other['silent']:.2%}"
        lines.append(line)
    return lines or ["- Of the training nothing is recorded."]


def _pair(values: dict[str, float]) -> str:
    return f"label accuracy {values['label_accuracy']:.2%}, exact match {values['exact_match']:.2%}"


def _recoloured(rows: dict[str, dict[str, Any]]) -> list[str]:
    """Combinations that no photo shows, on photos recoloured: a stand-in, and called so."""
    if not rows:
        return []
    return [
        "Photos that were not trained on, with their garment recoloured; a stand-in for photos that do not exist:",
        "",
        "| combination | photos trained on | recoloured copies | exact match (Keras) |",
        "|---|---:|---:|---:|",
        *(
            f"| {name} | {row['trained_on']:,} | {row['copies']:,} | {row['exact_match']:.1%} |"
            for name, row in rows.items()
        ),
        "",
    ]


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"
