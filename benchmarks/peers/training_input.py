"""Training input: pictures per second of fashion-train's batches and of the tutorial's ImageDataGenerator, interleaved.

    python benchmarks/peers/training_input.py --json input.json

Both get the same 400 pictures in memory and the same ranges of rotation, shift, shear, zoom and flip, and give batches
of 32 at 96 x 96; fashion-train's own default, which also does light, noise, blur and JPEG, is the third line.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from fashion_bench.machine import describe_machine
from fashion_edge.statistics import compare
from fashion_edge.typed_json import encode_json
from fashion_train.data.augment import TUTORIAL, Augmentation, augment

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
SIZE, PICTURES, LABELS, BATCH = (96, 96), 400, 6, 32
PREFETCHED = 8  # batches that may have been made while another input ran: they are dropped before the clock starts
GENERATOR = "ImageDataGenerator"
NextBatch = Callable[[], Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Time every input in interleaved rounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--batches", type=int, default=40, help="batches per round")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--markdown", type=Path)
    args = parser.parse_args(argv)
    inputs = make_inputs(args.rounds * (args.batches + PREFETCHED))
    samples: dict[str, list[np.ndarray]] = {name: [] for name in inputs}
    order = np.random.default_rng(0)
    for number in range(args.rounds):
        for name in order.permutation(list(inputs)):
            print(f"round {number + 1} of {args.rounds}: {name}", file=sys.stderr)
            samples[str(name)].append(time_batches(inputs[str(name)], args.batches))
    rows = summarize(samples)
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
        document = {
            "machine": msgspec.to_builtins(machine),
            "load": load,
            "batch": BATCH,
            "size": SIZE[0],
            "rows": rows,
        }
        args.json.write_bytes(encode_json(document) + b"\n")
    return 0


@dataclass(frozen=True)
class InMemory:
    """Pictures (n, h, w, 3) uint8 in memory, augmented as they are drawn: a sampler."""

    pictures: NDArray[np.uint8]
    targets: NDArray[np.float32]
    changes: Augmentation

    def __len__(self) -> int:
        """Number of pictures."""
        return len(self.pictures)

    def draw(self, item: int, rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """One augmented picture and its target."""
        return augment(self.pictures[item], self.pictures.shape[1:3], self.changes, rng), self.targets[item]


def make_inputs(steps: int) -> dict[str, NextBatch]:
    """Name -> a function that gives the next batch, `steps` times at least."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, (PICTURES, *SIZE, 3), dtype=np.uint8)
    targets = (rng.random((PICTURES, LABELS)) < 0.3).astype(np.float32)
    ours = {"the tutorial's changes": TUTORIAL, "all changes": Augmentation()}
    return {GENERATOR: generator(pictures, targets)} | {
        f"fashion-train, {name}": batches_of(InMemory(pictures, targets, changes), steps)
        for name, changes in ours.items()
    }


def generator(pictures: NDArray[np.uint8], targets: NDArray[np.float32]) -> NextBatch:
    """Keras' ImageDataGenerator, which is deprecated, with the tutorial's ranges."""
    import tensorflow as tf

    changes = tf.keras.preprocessing.image.ImageDataGenerator(
        rotation_range=25,
        width_shift_range=0.1,
        height_shift_range=0.1,
        shear_range=0.2,
        zoom_range=0.2,
        horizontal_flip=True,
        fill_mode="nearest",
    )
    flow: Iterator[Any] = changes.flow(pictures.astype(np.float32), targets, batch_size=BATCH, seed=0)
    return lambda: next(flow)


def batches_of(sampler: InMemory, steps: int) -> NextBatch:
    """The input pipeline of fashion-train."""
    from fashion_train.fit.batches import Schedule, training_batches  # after the log level of TensorFlow is set

    epochs = -(-steps // max(1, len(sampler) // BATCH))
    batches = iter(training_batches(sampler, Schedule(len(sampler), BATCH, epochs, 0), 0, (*SIZE, 3), LABELS))
    return lambda: next(batches)


def time_batches(next_batch: NextBatch, count: int) -> NDArray[np.float64]:
    """Milliseconds of each of `count` batches; an incomplete batch counts by its share of a full one."""
    for _ in range(PREFETCHED):
        next_batch()
    samples: list[float] = []
    while len(samples) < count:
        start = time.perf_counter()
        pictures = next_batch()[0]
        samples.append((time.perf_counter() - start) * 1e3 * BATCH / len(pictures))
    return np.array(samples)


def summarize(samples: dict[str, list[np.ndarray]]) -> list[dict[str, Any]]:
    """Pictures per second by the mean: with prefetched batches, single times alternate between none and several."""
    means = {name: [np.array([block.mean()]) for block in blocks] for name, blocks in samples.items()}
    rows = []
    for name, blocks in samples.items():
        ratio = compare(means[GENERATOR], means[name])
        rows.append(
            {
                "input": name,
                "pictures_per_second": round(BATCH * 1e3 / float(np.concatenate(blocks).mean()), 1),
                "time_against_generator": round(ratio.value, 3),
                "interval": [ratio.interval.low, ratio.interval.high] if ratio.interval else None,
                "words": "-" if name == GENERATOR else ratio.words,
                "samples_ms": [[round(ms, 3) for ms in block.tolist()] for block in blocks],
            }
        )
    return rows


if __name__ == "__main__":
    sys.exit(main())
