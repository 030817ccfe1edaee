"""Train without each combination in turn, and see whether it is known all the same."""

import json
from dataclasses import replace

from fashion_edge.atomic import atomic_folder
from fashion_edge.console import say
from fashion_edge.errors import DatasetError
from fashion_train.dataset import Dataset, load_dataset
from fashion_train.options import TrainOptions


def candidates(dataset: Dataset) -> list[str]:
    """Combinations that can be left out: every label of theirs is carried by another combination too."""
    names = sorted({photo.labels for photo in dataset.photos if len(photo.labels) > 1})
    return [
        "_".join(labels)
        for labels in names
        if all(any(label in other for other in names if other != labels) for label in labels)
    ]


def leave_one_out(options: TrainOptions) -> int:
    """One training a combination; writes leave_out.json and report.md into the run folder.

    Raises:
        DatasetError: no combination can be left out.
    """
    from fashion_train.fitting import forget_checkpoints
    from fashion_train.train import train

    dataset = load_dataset(options.dataset, options.groups)
    names = candidates(dataset)
    if not names:
        raise DatasetError(
            f"no combination of {options.dataset} can be left out: each holds a label that no other combination has"
        )
    if kept := sorted({"_".join(photo.labels) for photo in dataset.photos if photo.labels} - set(names)):
        say(f"not left out, since no other combination has all of their labels: {', '.join(kept)}")
    rows, failures = [], 0
    with atomic_folder(options.out, marker="report.md", overwrite=options.overwrite) as part:
        for number, name in enumerate(names, start=1):
            say(f"{number} of {len(names)}: without {name}")
            outcome = train(replace(options, holdout=(name,), resume=False))
            failures = len(outcome.prepared.failures)
            metrics, order = outcome.judgement.metrics, _ordered(name, outcome.prepared.dataset)
            unseen, seen = metrics["test"].per_combination[" ".join(order)], metrics["val"].exact_match
            rows.append({"combination": name, "unseen_exact": round(unseen, 5), "seen_exact": round(seen, 5)})
            say(f"{name}, never seen: exact match {unseen:.4f}; seen combinations {seen:.4f}")
        (part / "leave_out.json").write_text(json.dumps({"command": options.command, "results": rows}, indent=1) + "\n")
        lines = ["# Combinations never trained on", "", f"`{options.command}`", ""]
        lines += ["| left out | exact match on it | on the others (validation) |", "|---|---:|---:|"]
        lines += [f"| {r['combination']} | {r['unseen_exact']:.3f} | {r['seen_exact']:.3f} |" for r in rows]
        (part / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    forget_checkpoints(options)
    say(f"written to {options.out}")
    return 1 if failures else 0


def _ordered(name: str, dataset: Dataset) -> list[str]:
    """The labels of a combination in the order of the groups, as metrics name them."""
    labels = set(name.split("_"))
    ordered = [label for members in dataset.groups.values() for label in members if label in labels]
    return ordered + [label for label in dataset.labels if label in labels and label not in ordered]
