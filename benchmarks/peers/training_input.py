"""Training input: pictures a second of fashion-train's batches against the tutorial's ImageDataGenerator, interleaved.

    python benchmarks/peers/training_input.py --json input.json

Both get the same 400 rendered pictures in memory and the same ranges of rotation, shift, shear, zoom and flip, and give
batches of 32 at 96x96; fashion-train's own default, which also does light, noise, blur and JPEG, is the third line.
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fashion_bench.machine import describe_machine
from fashion_edge.statistics import compare

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, PICTURES, LABELS = 96, 400, 6


def main(argv: Sequence[str] | None = None) -> int:
    """Time every input in interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batches", type=int, default=40, help="batches a round")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args(argv)
    from fashion_train.input_speed import AHEAD, BATCH, time_batches

    inputs = make_inputs(args.rounds * (args.batches + AHEAD))
    samples: dict[str, list[np.ndarray]] = {name: [] for name in inputs}
    order = np.random.default_rng(0)
    for number in range(args.rounds):
        for name in order.permutation(list(inputs)):
            print(f"round {number + 1} of {args.rounds}: {name}", file=sys.stderr)
            samples[str(name)].append(time_batches(inputs[str(name)], args.batches))
    rows = describe(samples)
    machine, load = describe_machine(), list(os.getloadavg())
    table = ["| training input | pictures/s | against ImageDataGenerator |", "|---|--:|--:|"]
    table += [f"| {row['input']} | {row['pictures_per_second']:.0f} | {row['words']} |" for row in rows]
    table += [
        "",
        machine.line,
        f"{args.rounds} rounds of {args.batches} batches of {BATCH}.",
        f"Load average at the end {load[0]:.1f}; tf.data and TensorFlow use all cores.",
    ]
    print("\n".join(table))
    if args.markdown:
        args.markdown.write_text("\n".join(table) + "\n")
    if args.json:
        document = {"machine": msgspec.to_builtins(machine), "load": load, "batch": BATCH, "size": SIZE, "rows": rows}
        args.json.write_text(json.dumps(document) + "\n")
    return 0


def make_inputs(steps: int) -> dict[str, Callable[[], Any]]:
    """Name -> a call that gives the next batch."""
    from fashion_train.data.augment import TUTORIAL, Augmentation
    from fashion_train.input_speed import InMemory, batches_of, generator

    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (PICTURES, SIZE, SIZE, 3), dtype=np.uint8)
    targets = (rng.random((PICTURES, LABELS)) < 0.3).astype(np.float32)
    ours = {"the tutorial's changes": TUTORIAL, "all changes": Augmentation()}
    return {"ImageDataGenerator": generator(pictures, targets)} | {
        f"fashion-train, {name}": batches_of(InMemory(pictures, targets, how), SIZE, LABELS, steps)
        for name, how in ours.items()
    }


def describe(samples: dict[str, list[np.ndarray]]) -> list[dict[str, Any]]:
    """Pictures a second by the mean: batches are made ahead, so single times alternate between none and several."""
    from fashion_train.input_speed import BATCH

    means = {name: [np.array([block.mean()]) for block in blocks] for name, blocks in samples.items()}
    rows = []
    for name, blocks in samples.items():
        ratio = compare(means["ImageDataGenerator"], means[name])
        rows.append(
            {
                "input": name,
                "pictures_per_second": round(BATCH * 1e3 / float(np.concatenate(blocks).mean()), 1),
                "time_against_generator": round(ratio.value, 3),
                "interval": [ratio.interval.low, ratio.interval.high] if ratio.interval else None,
                "words": "-" if name == "ImageDataGenerator" else ratio.words,
                "samples_ms": [[round(ms, 3) for ms in block.tolist()] for block in blocks],
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
