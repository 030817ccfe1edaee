"""What a bundle says about itself: report.md, the drift picture, and the model card."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import pluralize
from fashion_edge.model_card import bullets, combinations_table, markdown_table, write_model_card
from fashion_edge.opencv import cv2
from fashion_export.conversion import Artefact, Outcome
from fashion_export.metadata import unsupported_by_legacy
from fashion_export.parity import CLEAR, Parity

COLUMNS = ("file", "bytes", "smaller", "exact match", "label accuracy", "flips", "drift max", "drift mean")
SHOWN = ("file", "bytes", "exact match", "flips", "drift max")  # on a terminal of 80 columns
SHOWN_LAYERS = 8


def report(outcome: Outcome) -> str:
    """The text of report.md."""
    return "\n\n".join(_paragraphs(outcome)) + "\n"


def _paragraphs(outcome: Outcome) -> Iterator[str]:
    facts, source = outcome.provenance, outcome.prepared.source
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    yield f"# Export of {source.name}"
    yield f"Command: `{facts['command']}`"
    yield f"Machine: {facts['machine']}; one thread. {versions}"
    yield "## Agreement with the Keras model"
    yield reference_line(outcome)
    yield _table(COLUMNS, rows(outcome))
    yield (
        "A flip is a label decision (one photo, one label) that differs from that of Keras; drift is the "
        f"difference of scores in 0..1. Result of the gate: {gate_result(outcome)}."
    )
    if len(outcome.prepared.validation):
        yield "![score drift](drift.png)"
    yield from _list("## Refused", outcome.refusals)
    yield from _layer_errors(outcome)
    yield from _list("## Not made", outcome.failures)
    yield from _list("## Photos that flipped", list(_flips(outcome)))
    yield from _repair(outcome)
    yield from _thresholds(outcome)
    yield from _calibration(outcome)
    yield "## Operators"
    yield _table(("file", "needs", "operators"), [_operator_row(artefact) for artefact in outcome.artefacts])
    yield from _list("## Warnings", [warning.replace(f"{source.root}/", "") for warning in outcome.warnings])


def reference_line(outcome: Outcome) -> str:
    """The accuracy of Keras, and on how many photos."""
    parity = outcome.artefacts[0].parity
    if parity is None:
        return "Not proven: there is no held-out photo, so no variant was compared with Keras on real input."
    decisions = parity.photos * len(outcome.space.labels)
    if parity.keras_exact_match is None:
        photos = f"{pluralize(parity.photos, 'held-out photo')} of unknown labels"
        return f"{photos} ({pluralize(decisions, 'label decision')}): agreement, no accuracy."
    accuracy = f"{parity.keras_exact_match:.2%} exact match, {parity.keras_label_accuracy:.2%} label accuracy"
    photos = pluralize(parity.photos, "held-out validation photo")
    return f"Keras: {accuracy} on {photos} ({pluralize(decisions, 'label decision')})."


def gate_result(outcome: Outcome) -> str:
    """The verdict, or the number of flips if there are too few photos to prove parity."""
    if outcome.verdict != "proven" or not outcome.too_few:
        return outcome.verdict
    flips = max(artefact.parity.flips for artefact in outcome.artefacts if artefact.parity)
    decisions = len(outcome.prepared.validation) * len(outcome.space.labels)
    most = f"at most {pluralize(flips, 'flip')}" if flips else "no flip"
    return f"{most} in {pluralize(decisions, 'decision')}, too few to prove parity"


def rows(outcome: Outcome) -> list[tuple[str, ...]]:
    """The cells of the table of variants; `smaller` is relative to the largest file."""
    largest = max(len(artefact.data) for artefact in outcome.artefacts)
    return [
        (a.recipe.file, f"{len(a.data):,}", f"{largest / len(a.data):.1f}x", *_cells(a.parity))
        for a in outcome.artefacts
    ]


def print_table(outcome: Outcome) -> None:
    """The table on standard error, by rich."""
    from rich.table import Table

    from fashion_edge.progress import SteadyConsole

    table = Table(title=reference_line(outcome), title_justify="left", title_style="")
    for column in SHOWN:
        table.add_column(column, justify="left" if column == "file" else "right", no_wrap=True)
    for row in rows(outcome):
        cells = dict(zip(COLUMNS, row, strict=True))
        table.add_row(*(cells[column] for column in SHOWN))
    with suppress(OSError):  # a log on a full disk
        SteadyConsole(stderr=True).print(table)


def _cells(parity: Parity | None) -> list[str]:
    if parity is None:
        return ["not proven"] * 5
    return [
        "-" if parity.exact_match is None else f"{parity.exact_match:.2%}",
        "-" if parity.label_accuracy is None else f"{parity.label_accuracy:.2%}",
        f"{parity.flips} ({parity.flip_rate:.2%})",
        f"{parity.drift_max:.4f}",
        f"{parity.drift_mean:.5f}",
    ]


def _layer_errors(outcome: Outcome) -> Iterator[str]:
    if not outcome.layer_errors:
        return
    yield "## Layer errors, largest first"
    yield (
        "Error of the int8 graph's tensor against the float graph's, relative to the tensor's spread; 1 is as good "
        "as a constant. `added` is what the layer adds to the error of its inputs."
    )
    largest = outcome.layer_errors[:SHOWN_LAYERS]
    cells = [(e.layer, e.operator, f"{e.error:.3f}", f"{e.added:+.3f}") for e in largest]
    yield _table(("layer", "operator", "error", "added"), cells)


def _flips(outcome: Outcome) -> Iterator[str]:
    for artefact in outcome.artefacts:
        if (parity := artefact.parity) and parity.flips:
            per_label = ", ".join(f"{label} {n}" for label, n in parity.flips_per_label.items() if n)
            files = ", ".join(outcome.prepared.validation.photos[row].file for row in parity.flipped)
            clear = f"{parity.clear_flips} where Keras is correct by more than {CLEAR:g}"
            yield f"{artefact.recipe.name}: {pluralize(parity.flips, 'flip')} ({per_label}; {clear}): {files}"


def _repair(outcome: Outcome) -> Iterator[str]:
    repair = outcome.repair
    yield "## Network"
    if not repair.findings:
        yield "No layer has channels that int8 cannot represent."
        return
    lines = [f"found: {finding}" for finding in repair.findings]
    lines += [f"repaired: {step}" for step in repair.steps]
    lines += [f"remains: {finding}" for finding in repair.remaining]
    if repair.steps:
        lines.append(f"float scores moved by at most {repair.change:.2g} on the calibration photos")
    yield bullets(lines)


def _thresholds(outcome: Outcome) -> Iterator[str]:
    if not outcome.tuned:
        return
    yield "## Thresholds"
    yield "Tuned on the scores of the int8 file, on the 1/256 grid of its sigmoid; F1 on the same validation photos."
    figures = [(t.label, t.before, t.after, t.f1_before, t.f1_after) for t in outcome.tuned]
    cells = [(label, *(f"{figure:.4f}" for figure in row)) for label, *row in figures]
    yield _table(("label", "before", "after", "F1 before", "F1 after"), cells)


def _calibration(outcome: Outcome) -> Iterator[str]:
    photos = pluralize(len(outcome.prepared.calibration), "photo")
    text = f"{photos}, none of them a validation photo; calibration.csv has the hashes."
    if stable := outcome.stability:
        flips = f"{stable.flips} of {stable.photos * len(outcome.space.labels)} decisions"
        most = f"by at most {stable.drift_max:.4f} in a score"
        text += f"\nTwo int8 files from disjoint halves differ in {flips}, {most}."
    yield "## Calibration"
    yield text


def _operator_row(artefact: Artefact) -> tuple[str, str, str]:
    refused = unsupported_by_legacy(artefact.operators) if artefact.recipe.runtime == "litert" else []
    needs = artefact.min_runtime + (f"; tflite-runtime 2.14 refuses {', '.join(refused)}" if refused else "")
    return artefact.recipe.file, needs, ", ".join(f"{n} x {name}" for name, n in artefact.operators.items())


def _table(columns: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> str:
    return markdown_table(columns, cells, numeric=False)


def _list(title: str, sentences: Sequence[str]) -> Iterator[str]:
    if sentences:
        yield title
        yield bullets(sentences)


SIDE, EDGE, HEAD = 200, 16, 24  # pixels: the plot's square, its margin, its title
PAPER, INK, LINE, DOT = 255, (40, 40, 40), (200, 200, 200), (160, 80, 20)  # B, G, R


def drift_picture(outcome: Outcome) -> bytes:
    """A PNG with one panel per file: its scores against those of Keras, no drift on the diagonal."""
    panels = [_panel(outcome.prepared.reference, artefact) for artefact in outcome.artefacts]
    _, data = cv2.imencode(".png", np.hstack(panels), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return bytes(data)


def _panel(reference: NDArray[np.float32], artefact: Artefact) -> NDArray[np.uint8]:
    image = np.full((HEAD + SIDE + EDGE, SIDE + 2 * EDGE, 3), PAPER, np.uint8)
    left, top, right, bottom = EDGE, HEAD, EDGE + SIDE, HEAD + SIDE
    cv2.line(image, (left, bottom), (right, top), LINE, 1)
    cv2.rectangle(image, (left, top), (right, bottom), LINE, 1)
    across = (left + reference.ravel() * SIDE).round().astype(int)
    up = (bottom - artefact.scores.ravel() * SIDE).round().astype(int)
    for x, y in {*zip(across.tolist(), up.tolist(), strict=True)}:
        cv2.circle(image, (x, y), 1, DOT, -1)
    cv2.putText(image, artefact.recipe.name, (EDGE, HEAD - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return image


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
