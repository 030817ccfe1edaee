"""report.md: what was exported, from what, and how far each file is from the Keras model."""

from typing import TYPE_CHECKING

from fashion_export.artefact import Artefact

if TYPE_CHECKING:
    from fashion_export.export import Outcome

COLUMNS = ("file", "bytes", "smaller", "exact match", "label accuracy", "flips", "drift max", "drift mean", "runtime")


def rows(outcome: "Outcome") -> list[tuple[str, ...]]:
    """The table's cells; `smaller` is relative to the largest file."""
    largest = max(len(artefact.data) for artefact in outcome.artefacts)
    return [_row(artefact, largest) for artefact in outcome.artefacts]


def _row(artefact: Artefact, largest: int) -> tuple[str, ...]:
    size = f"{len(artefact.data):,}"
    ratio = f"{largest / len(artefact.data):.1f}x"
    parity = artefact.parity
    if parity is None:
        return (artefact.recipe.file, size, ratio, *["not proven"] * 5, artefact.runtime)
    return (
        artefact.recipe.file,
        size,
        ratio,
        f"{parity.exact_match:.2%}",
        f"{parity.label_accuracy:.2%}",
        f"{parity.flips} ({parity.flip_rate:.2%})",
        f"{parity.drift_max:.4f}",
        f"{parity.drift_mean:.5f}",
        artefact.runtime,
    )


def report(outcome: "Outcome") -> str:
    """The text of report.md."""
    facts = outcome.provenance
    lines = [
        f"# Export of {outcome.source.name}",
        "",
        f"Command: `{facts['command']}`",
        "",
        f"Machine: {facts['machine']}; one thread. "
        + ", ".join(f"{name} {number}" for name, number in facts["versions"].items()),
        "",
        "## Agreement with the Keras model",
        "",
        reference_line(outcome),
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
        *("| " + " | ".join(row) + " |" for row in rows(outcome)),
        "",
        "A flip is a label decision (one photo, one label) that differs from the one Keras makes; drift is the "
        "difference of scores in 0..1.",
        "",
        "## Calibration",
        "",
        f"{len(outcome.calibration)} training photos of the run's calibration.csv; none of them is a validation photo.",
        *unreadable(outcome),
    ]
    return "\n".join(lines) + "\n"


def reference_line(outcome: "Outcome") -> str:
    """One sentence on what Keras scores, and on how many photos."""
    parity = outcome.artefacts[0].parity
    if parity is None:
        return "Not proven: the run names no validation photo, so no variant was compared with Keras on real input."
    return (
        f"Keras: {parity.keras_exact_match:.2%} exact match, {parity.keras_label_accuracy:.2%} label accuracy on "
        f"{parity.photos} held-out validation photos ({parity.photos * len(outcome.space.labels)} label decisions)."
    )


def unreadable(outcome: "Outcome") -> list[str]:
    """Lines that name the photos that could not be read."""
    paths = (*outcome.calibration.unreadable, *outcome.validation.unreadable)
    root = f"{outcome.source.root}/"
    return (
        ["", f"{len(paths)} photos could not be read:", "", *(f"- {path.replace(root, '')}" for path in paths)]
        if paths
        else []
    )


def print_table(outcome: "Outcome") -> None:
    """The table on standard error, by rich."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=reference_line(outcome), title_justify="left", title_style="")
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in ("file", "runtime") else "right")
    for row in rows(outcome):
        table.add_row(*row)
    Console(stderr=True).print(table)
