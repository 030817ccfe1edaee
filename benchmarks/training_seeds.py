"""Several runs of one recipe as a mean and a range: the result of a single seed may be due to chance.

    for seed in 42 43 44; do fashion-train --dataset photos --negatives other --seed $seed --out runs/seed$seed; done
    python benchmarks/training_seeds.py runs/seed42 runs/seed43 runs/seed44 --markdown seeds.md

Each seed draws its own split, so the test photos differ from run to run and none of them trained its run.
"""

import argparse
import json
import re
import statistics
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 when the runs differ in more than their seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args(argv)
    if missing := [str(folder) for folder in args.runs if not (folder / "run.json").is_file()]:
        print(f"training_seeds: {missing[0]} has no run.json; name run folders of fashion-train", file=sys.stderr)
        return 2
    runs = [json.loads((folder / "run.json").read_text()) for folder in args.runs]
    if problem := find_difference(runs):
        print(f"training_seeds: {problem}", file=sys.stderr)
        return 2
    text = "\n".join(table(runs)) + "\n"
    print(text, end="")
    if args.markdown:
        args.markdown.write_text(text, encoding="utf-8")
    return 0


def find_difference(runs: Sequence[dict[str, Any]]) -> str | None:
    """Why these runs cannot be in one table; None where they can."""
    for key in ("recipe", "dataset", "input", "groups", "target_precision"):
        values = [run["dataset"]["sha256"] if key == "dataset" else run.get(key) for run in runs]
        if any(value != values[0] for value in values):
            return f"the runs differ in their {key.replace('_', ' ')}; compare runs that differ in --seed alone"
    if len({run["seed"] for run in runs}) < len(runs):
        return "two runs have the same seed; give each another --seed"
    return None


def table(runs: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Markdown: one row per figure, with its mean and its range over the seeds."""
    versions = ", ".join(f"{name} {runs[0]['versions'][name]}" for name in ("tensorflow", "keras"))
    seeds = ", ".join(str(run["seed"]) for run in runs)
    command = re.sub(r"\S*/", "", runs[0]["command"])  # without the places of folders
    yield f"Keras models, seeds {seeds}, {versions}; `{command}` and the like."
    yield ""
    yield "| measured on | mean | lowest | highest |"
    yield "|---|--:|--:|--:|"
    for name, values in figures(runs):
        if len(values) == len(runs):
            yield f"| {name} | {statistics.mean(values):.2%} | {min(values):.2%} | {max(values):.2%} |"


def figures(runs: Sequence[dict[str, Any]]) -> Iterator[tuple[str, list[float]]]:
    """Every figure, with its value in each run that has it."""
    for side, note in (("test", "used for nothing else"), ("val", "the epoch and the thresholds were chosen on them")):
        found = [run["metrics"][side] for run in runs if side in run["metrics"]]
        if found:
            photos = f"{min(m['photos'] for m in found)} {side} photos, {note}"
            yield f"{photos}: label accuracy", [m["label_accuracy"] for m in found]
            yield f"{photos}: exact match", [m["exact_match"] for m in found]
        background = [run["negatives"][side] for run in runs if side in run["negatives"]]
        if background:
            yield f"{side} background images: no label", [found["silent"] for found in background]
            for group in background[0]["by_group"]:
                yield f"{side} background images: no {group}", [found["by_group"][group] for found in background]
    for name in runs[-1].get("recoloured") or {}:
        rows = [run["recoloured"][name] for run in runs if name in (run.get("recoloured") or {})]
        yield f"test photos recoloured, {name}: exact match", [row["exact_match"] for row in rows]


if __name__ == "__main__":
    sys.exit(main())
