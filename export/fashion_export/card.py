"""MODEL_CARD.md: what the model knows, what it was taught on, and what nobody has measured."""

from fashion_export.outcome import Outcome
from fashion_export.report import reference_line


def model_card(outcome: Outcome) -> str:
    """The text of MODEL_CARD.md; every figure comes from run.json or from this export."""
    run, data = outcome.provenance["run"], outcome.provenance["dataset"]
    model, space, spec = run["model"], outcome.space, outcome.source.spec
    lines = [
        f"# Model card: {outcome.source.name}",
        "",
        "A multi-label image classifier: one sigmoid score a label, one forward pass a picture.",
        "",
        f"- Labels: {', '.join(space.labels)}",
        *(f"- {name} (exclude each other): {', '.join(members)}" for name, members in space.groups.items()),
        f"- Input: {spec.height} x {spec.width} {spec.channels}, uint8, fit `{spec.fit}`",
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
        *_metrics(run["metrics"]),
        f"- Of this export: {reference_line(outcome)}",
        "",
        "Per file, with the runtime of the device: see report.md.",
        "",
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


def _metrics(metrics: dict[str, dict[str, object]]) -> list[str]:
    lines = []
    for split, values in metrics.items():
        words = [f"{key} {value:.4g}" for key, value in values.items() if isinstance(value, int | float)]
        lines += [f"- Keras on the run's {split} photos: {', '.join(words)}"]
    return lines or ["- Of the training nothing is recorded."]


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"
