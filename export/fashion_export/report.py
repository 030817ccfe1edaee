"""report.md: what was exported, from what, and how far each file is from the Keras model."""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import pluralize
from fashion_edge.model_card import bullets, markdown_table
from fashion_edge.opencv import cv2
from fashion_export.metadata import unsupported_by_legacy
from fashion_export.outcome import Artefact, Outcome
from fashion_export.parity import CLEAR, Parity

COLUMNS = ("file", "bytes", "smaller", "exact match", "label accuracy", "flips", "drift max", "drift mean")
SHOWN = ("file", "bytes", "exact match", "flips", "drift max")  # on a terminal of 80 columns
SHOWN_LAYERS = 8


def report(outcome: Outcome) -> str:
    """The text of report.md."""
    facts, source = outcome.provenance, outcome.prepared.source
    versions = ", ".join(f"{name} {number}" for name, number in facts["versions"].items())
    sections = [
        [f"# Export of {source.name}"],
        [f"Command: `{facts['command']}`", "", f"Machine: {facts['machine']}; one thread. {versions}"],
        ["## Agreement with the Keras model", "", reference_line(outcome), "", _table(COLUMNS, rows(outcome))],
        [
            "A flip is a label decision (one photo, one label) that differs from that of Keras; drift is the "
            f"difference of scores in 0..1. Result of the gate: {gate_result(outcome)}.",
            *(["", "![score drift](drift.png)"] if len(outcome.prepared.validation) else []),
        ],
        _bullets("## Refused", outcome.refusals),
        _layer_errors(outcome),
        _bullets("## Not made", outcome.failures),
        _flips(outcome),
        _repair(outcome),
        _thresholds(outcome),
        _calibration(outcome),
        _operators(outcome),
        _bullets("## Warnings", [warning.replace(f"{source.root}/", "") for warning in outcome.warnings]),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines) + "\n"


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


def _layer_errors(outcome: Outcome) -> list[str]:
    if not outcome.layer_errors:
        return []
    largest = outcome.layer_errors[:SHOWN_LAYERS]
    cells = [(e.layer, e.operator, f"{e.error:.3f}", f"{e.added:+.3f}") for e in largest]
    meaning = (
        "Error of the int8 graph's tensor against the float graph's, relative to the tensor's spread; 1 is as good "
        "as a constant. `added` is what the layer adds to the error of its inputs."
    )
    table = _table(("layer", "operator", "error", "added"), cells)
    return ["## Layer errors, largest first", "", meaning, "", table]


def _flips(outcome: Outcome) -> list[str]:
    lines: list[str] = []
    for artefact in outcome.artefacts:
        if artefact.parity and artefact.parity.flips:
            per_label = ", ".join(f"{label} {n}" for label, n in artefact.parity.flips_per_label.items() if n)
            files = ", ".join(outcome.prepared.validation.photos[row].file for row in artefact.parity.flipped)
            clear = f"{artefact.parity.clear_flips} where Keras is correct by more than {CLEAR:g}"
            flips = f"{pluralize(artefact.parity.flips, 'flip')} ({per_label}; {clear})"
            lines.append(f"{artefact.recipe.name}: {flips}: {files}")
    return _bullets("## Photos that flipped", lines)


def _repair(outcome: Outcome) -> list[str]:
    repair = outcome.repair
    if not repair.findings:
        return ["## Network", "", "No layer has channels that int8 cannot represent."]
    lines = [f"found: {finding}" for finding in repair.findings]
    lines += [f"repaired: {step}" for step in repair.steps]
    lines += [f"remains: {finding}" for finding in repair.remaining]
    if repair.steps:
        lines.append(f"float scores moved by at most {repair.change:.2g} on the calibration photos")
    return _bullets("## Network", lines)


def _thresholds(outcome: Outcome) -> list[str]:
    if not outcome.tuned:
        return []
    cells = [
        (t.label, f"{t.before:.4f}", f"{t.after:.4f}", f"{t.f1_before:.4f}", f"{t.f1_after:.4f}") for t in outcome.tuned
    ]
    how = "Tuned on the scores of the int8 file, on the 1/256 grid of its sigmoid; F1 on the same validation photos."
    return ["## Thresholds", "", how, "", _table(("label", "before", "after", "F1 before", "F1 after"), cells)]


def _calibration(outcome: Outcome) -> list[str]:
    stable = outcome.stability
    photos = pluralize(len(outcome.prepared.calibration), "photo")
    lines = [f"{photos}, none of them a validation photo; calibration.csv has the hashes."]
    if stable:
        flips = f"{stable.flips} of {stable.photos * len(outcome.space.labels)} decisions"
        most = f"by at most {stable.drift_max:.4f} in a score"
        lines.append(f"Two int8 files from disjoint halves differ in {flips}, {most}.")
    return ["## Calibration", "", *lines]


def _operators(outcome: Outcome) -> list[str]:
    return ["## Operators", "", _table(("file", "needs", "operators"), [_operator_row(a) for a in outcome.artefacts])]


def _operator_row(artefact: Artefact) -> tuple[str, str, str]:
    refused = unsupported_by_legacy(artefact.operators) if artefact.recipe.runtime == "litert" else []
    needs = artefact.min_runtime + (f"; tflite-runtime 2.14 refuses {', '.join(refused)}" if refused else "")
    return artefact.recipe.file, needs, ", ".join(f"{n} x {name}" for name, n in artefact.operators.items())


def _table(columns: tuple[str, ...], cells: Sequence[tuple[str, ...]]) -> str:
    return markdown_table(columns, cells, numeric=False)


def _bullets(title: str, sentences: Sequence[str]) -> list[str]:
    return [title, "", bullets(sentences)] if sentences else []


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
