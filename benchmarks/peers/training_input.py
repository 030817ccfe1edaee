"""Training input: pictures a second of fashion-train's batches against the tutorial's ImageDataGenerator, interleaved.

    python benchmarks/peers/training_input.py --json input.json

Both get the same 400 rendered pictures in memory and the same ranges of rotation, shift, shear, zoom and flip, and give
batches of 32 at 96x96; fashion-train's own default, which also does light, noise, blur and JPEG, is the third line.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.machine import describe_machine, machine_line
from fashion_bench.stats import compare

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, BATCH, PICTURES, LABELS = 96, 32, 400, 6


class Pictures:
    """Pictures in memory, changed as they are drawn: what `training_batches` asks for."""

    def __init__(self, pictures: np.ndarray, targets: np.ndarray, how: Any) -> None:
        self._pictures, self._targets, self._how = pictures, targets, how

    def __len__(self) -> int:
        return len(self._pictures)

    def draw(self, item: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """One changed picture and its target."""
        from fashion_train.augment import augment

        return augment(self._pictures[item], SIZE, self._how, rng), self._targets[item]


def main(argv: Sequence[str] | None = None) -> int:
    """Time every input in interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batches", type=int, default=40, help="batches a round")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args(argv)
    inputs = make_inputs(args.rounds * (args.batches + 8))
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
        machine_line(machine),
        f"Load average at the end {load[0]:.1f}; tf.data and TensorFlow use all cores.",
    ]
    print("\n".join(table))
    if args.markdown:
        args.markdown.write_text("\n".join(table) + "\n")
    if args.json:
        args.json.write_text(
            json.dumps({"machine": machine, "load": load, "batch": BATCH, "size": SIZE, "rows": rows}) + "\n"
        )
    return 0


def make_inputs(steps: int) -> dict[str, Callable[[], Any]]:
    """Name -> a call that gives the next batch."""
    import tensorflow as tf

    from fashion_train.augment import TUTORIAL, Augmentation
    from fashion_train.pipeline import Schedule, training_batches

    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (PICTURES, SIZE, SIZE, 3), dtype=np.uint8)
    targets = (rng.random((PICTURES, LABELS)) < 0.3).astype(np.float32)
    generator = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=25, width_shift_range=0.1, height_shift_range=0.1, shear_range=0.2, zoom_range=0.2,
        horizontal_flip=True, fill_mode="nearest",
    )  # fmt: skip
    flow = generator.flow(pictures.astype(np.float32), targets, batch_size=BATCH, seed=0)
    schedule = Schedule(PICTURES, BATCH, steps, 0)
    calls: dict[str, Callable[[], Any]] = {"ImageDataGenerator": lambda: next(flow)}
    for name, how in (
        ("fashion-train, the tutorial's changes", TUTORIAL),
        ("fashion-train, all changes", Augmentation()),
    ):
        drawer = Pictures(pictures, targets, how)
        batches = iter(training_batches(drawer, schedule, 0, (SIZE, SIZE, 3), LABELS))
        calls[name] = lambda batches=batches: next(batches)
    return calls


def time_batches(give: Callable[[], Any], count: int) -> np.ndarray:
    """Milliseconds a batch of `count` full batches; what was made ahead while others ran is let go first."""
    for _ in range(8):
        give()
    taken = []
    while len(taken) < count:
        start = time.perf_counter()
        pictures = give()[0]
        if len(pictures) == BATCH:  # ImageDataGenerator also gives the rest of an epoch
            taken.append((time.perf_counter() - start) * 1e3)
    return np.array(taken)


def describe(samples: dict[str, list[np.ndarray]]) -> list[dict[str, Any]]:
    """Pictures a second by the mean: batches are made ahead, so single times alternate between none and several."""
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
