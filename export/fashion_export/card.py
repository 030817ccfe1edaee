"""MODEL_CARD.md of a bundle."""

from collections.abc import Iterator
from typing import Any

from fashion_edge.model_card import bullets, combinations_table, markdown_table, write_model_card
from fashion_export.outcome import Outcome
from fashion_export.report import reference_line

SUMMARIES = {
    "multi-label": "A multi-label image classifier: one sigmoid score per label, one forward pass per picture.",
    "single-label": "A single-label image classifier: softmax scores that sum to 1, one forward pass per picture.",
}
EXTERNAL = "An image classifier: one score per label, one forward pass per picture."


def model_card(outcome: Outcome) -> str:
    """The text of MODEL_CARD.md; every figure comes from run.json or from this export."""
    run, spec, source = outcome.provenance["run"], outcome.prepared.source.spec, outcome.prepared.source
    model = run["model"]
    return write_model_card(
        source.name,
        SUMMARIES.get(str(model.get("task")), EXTERNAL),
        outcome.space,
        details=[
            f"Input: {spec.width} x {spec.height} pixels, {spec.channels}, uint8, fit `{spec.fit}`",
            f"Network: {model.get('arch', 'unknown')}, {_number(model.get('parameters'))} parameters",
            f"Trained: {run['created'] or 'elsewhere'}, seed {run['seed']}, `{run['command'] or 'unknown command'}`",
        ],
        training_data=_training_data(outcome.provenance["dataset"]),
        evaluation=_evaluation(outcome),
    )


def _training_data(data: dict[str, Any]) -> Iterator[str]:
    if data["sha256"]:
        yield f"Data set `{data['name']}`, {_number(data['photos'])} photos, SHA-256 `{data['sha256']}`."
    else:
        yield f"Unknown: the model was trained elsewhere. It was exported with the photos of `{data['name']}`."
    if data["counts"]:
        yield combinations_table(data["counts"])
    yield "Training showed no combination that is not in this table, unless it generated it (see the run's command)."


def _evaluation(outcome: Outcome) -> Iterator[str]:
    run = outcome.provenance["run"]
    lines = list(_metrics(run)) or ["The training metrics are unknown."]
    lines += [f"Of this export: {reference_line(outcome)}", *([f"{outcome.too_few}."] if outcome.too_few else [])]
    yield bullets(lines)
    yield "Per file, in the runtime of the device: see report.md."
    if run["recoloured"]:
        yield "Held-out photos with their garment recoloured, in place of photos that do not exist:"
        cells = [
            (name, f"{row['trained_on']:,}", f"{row['copies']:,}", f"{row['exact_match']:.1%}")
            for name, row in run["recoloured"].items()
        ]
        yield markdown_table(("combination", "photos trained on", "recoloured copies", "exact match (Keras)"), cells)


def _metrics(run: dict[str, Any]) -> Iterator[str]:
    """One line per figure of the training, with that of the baseline."""
    baseline = run["baseline"]
    by = f"; by the {baseline.get('recipe')} recipe"
    for split, values in run["metrics"].items():
        other = (baseline.get("metrics") or {}).get(split)
        compared = f"{by} on the same photos: {_pair(other)}" if other else ""
        yield f"Keras on the run's {values['photos']:,} {split} photos: {_pair(values)}{compared}"
    for split, values in run["negatives"].items():
        other = (baseline.get("negatives") or {}).get(split)
        compared = f"{by}: {other['silent']:.2%}" if other else ""
        count = f"{values['photos']:,} {split} background images"
        yield f"Keras on {count}: no label above its threshold on {values['silent']:.2%}{compared}"


def _pair(values: dict[str, float]) -> str:
    return f"label accuracy {values['label_accuracy']:.2%}, exact match {values['exact_match']:.2%}"


def _number(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else "unknown"
