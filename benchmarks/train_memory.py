"""Memory of a training on very many photos: peak resident, of the whole command, in one run.

    python benchmarks/train_memory.py --photos 50000 --size 32
    python benchmarks/train_memory.py --photos 50000 --size 112 --teacher-epochs 0

The photos are rendered shapes of 64 x 64 pixels, all different; memory is measured, not accuracy. A small --size takes
minutes, and shows what grows with the number of photos but not with the size (names, hashes, targets, features).
Pictures that are all in memory at once show only at the default size: an hour, or a quarter of one without the teacher.
Exit status 3 where the peak is over --limit.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fashion_edge.opencv import cv2

COMBINATIONS = tuple(f"{colour}_{garment}" for colour in ("black", "blue", "red") for garment in ("dress", "shirt"))
SHADES = {"black": (25, 25, 25), "blue": (180, 70, 30), "red": (40, 30, 200)}  # B, G, R


def main(argv: Sequence[str] | None = None) -> int:
    """Write the photos, train one epoch of each network, and print the peak."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=50_000)
    parser.add_argument("--size", type=int, default=32)
    parser.add_argument("--teacher-epochs", type=int, default=1)
    parser.add_argument("--limit", type=int, default=2000, help="megabytes")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write_photos(root / "photos", args.photos)
        flags = f"--size {args.size} --epochs 1 --teacher-epochs {args.teacher_epochs} --no-baseline".split()
        started = time.perf_counter()
        command = [Path(sys.executable).with_name("fashion-train"), "--dataset", root / "photos", "--out", root / "run"]
        subprocess.run([*command, *flags], check=True)
        minutes = (time.perf_counter() - started) / 60
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1000  # kilobytes on Linux
    print(f"{args.photos} photos at {args.size} x {args.size}: peak {peak:.0f} MB, {minutes:.1f} minutes")
    return 0 if peak <= args.limit else 3


def write_photos(root: Path, count: int) -> None:
    """Write `count` photos into folders named like red_dress: a coloured block before a wall that never repeats."""
    rng = np.random.default_rng(0)
    for name in COMBINATIONS:
        (root / name).mkdir(parents=True)
    for number in range(count):
        name = COMBINATIONS[number % len(COMBINATIONS)]
        colour, garment = name.split("_")
        wall = rng.integers(60, 256, (4, 4, 3)).astype(np.uint8)
        picture = cv2.resize(wall, (64, 64), interpolation=cv2.INTER_CUBIC)
        height, width = (44, 18) if garment == "dress" else (24, 36)
        left, top = rng.integers(4, 60 - width), rng.integers(4, 60 - height)
        picture[top : top + height, left : left + width] = SHADES[colour]
        picture = (picture + rng.normal(0, 5, picture.shape)).clip(0, 255).astype(np.uint8)
        cv2.imwrite(str(root / name / f"{number:06d}.jpg"), picture)


if __name__ == "__main__":
    sys.exit(main())
