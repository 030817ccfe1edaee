"""report.md and the plots: what was trained on what, and how good it is."""

from pathlib import Path
from typing import TYPE_CHECKING

from fashion_train.metrics import Metrics
from fashion_train.plots import plot_history

if TYPE_CHECKING:
    from fashion_train.train import Outcome


def write_report(folder: Path, outcome: "Outcome") -> None:
    """Write report.md and plots/ into a run folder."""
    plots = folder / "plots"
    plots.mkdir()
    plot_history(plots / "history.png", outcome.history, outcome.best_epoch)
    (folder / "report.md").write_text("\n".join(_lines(outcome)) + "\n", encoding="utf-8")


def _lines(outcome: "Outcome") -> list[str]:
    options, prepared = outcome.options, outcome.prepared
    lines = [
        f"# Run {options.out.name}",
        "",
        f"`{options.command}`",
        "",
        f"{options.recipe.arch}, {outcome.model.count_params():,} parameters, {prepared.spec.width} x {prepared.spec.height}, "
        f"recipe {options.recipe.name}, epoch {outcome.best_epoch} of {len(outcome.history)} kept, seed {options.seed}, "
        f"{outcome.seconds / 60:.1f} minutes.",
        "",
        "![loss and accuracy](plots/history.png)",
        "",
        "## Data",
        "",
        "| combination | photos |",
        "|---|---:|",
        *(f"| {name} | {count} |" for name, count in prepared.dataset.counts.items()),
        "",
        f"{len(prepared.decoded.readable)} readable; "
        + ", ".join(f"{len(prepared.on(side))} {side}" for side in ("train", "val", "test"))
        + ".",
    ]
    if prepared.failures:
        lines += ["", "Left out:", "", *(f"- {file}: {reason}" for file, reason in prepared.failures)]
    for side, metrics in outcome.metrics.items():
        lines += ["", *_metrics_lines(side, metrics)]
    lines += ["", "## Thresholds", "", "| label | threshold |", "|---|---:|"]
    lines += [f"| {label} | {value:.2f} |" for label, value in outcome.space.thresholds.items()]
    return lines


def _metrics_lines(side: str, metrics: Metrics) -> list[str]:
    names = {"val": "validation photos (thresholds were tuned on them)", "test": "test photos (used for nothing else)"}
    return [
        f"## On {metrics.photos} {names[side]}",
        "",
        f"Label accuracy {metrics.label_accuracy:.2%}, exact match {metrics.exact_match:.2%}.",
        "",
        "| label | precision | recall | F1 |",
        "|---|---:|---:|---:|",
        *(
            f"| {label} | {m['precision']:.3f} | {m['recall']:.3f} | {m['f1']:.3f} |"
            for label, m in metrics.per_label.items()
        ),
        "",
        "| combination | exact match |",
        "|---|---:|",
        *(f"| {name or 'none'} | {share:.3f} |" for name, share in metrics.per_combination.items()),
    ]
