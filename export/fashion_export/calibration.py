"""Photos that calibrate int8 and photos that evaluate it: read, preprocessed and checked."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import pluralize
from fashion_edge.errors import DatasetError, ImageError, RunError
from fashion_edge.images import read_image
from fashion_edge.preprocess import InputSpec, preprocess

ENOUGH = 100  # photos; ranges settle at about this number on the networks of this project
BLANK = 4.0  # standard deviation of the pixels, of 255
NOISE = 0.85  # neighbouring pixels differ nearly as much as any two; photos are below 0.5
TOLERATED = 0.1  # share of blank or noisy photos without a warning


@dataclass(frozen=True)
class Photo:
    """One row of split.csv or calibration.csv."""

    file: str  # relative to the data set's root, with /
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """Preprocessed photos: pixels (n, h, w, 3) uint8, truth (n, labels) bool, and the photos of the rows."""

    pixels: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    photos: tuple[Photo, ...]
    sha256: tuple[str, ...]  # of each file's bytes
    unreadable: tuple[str, ...]  # one sentence each

    def __len__(self) -> int:
        return len(self.photos)


def load_inputs(root: Path, photos: Sequence[Photo], labels: Sequence[str], spec: InputSpec) -> Inputs:
    """Read and preprocess photos below `root`; unreadable ones are listed in the result."""
    pixels, truth, kept, hashes, unreadable = [], [], [], [], []
    for photo in photos:
        try:
            pixels.append(preprocess(read_image(root / photo.file), spec))
        except ImageError as error:
            unreadable.append(str(error))
            continue
        hashes.append(hashlib.sha256((root / photo.file).read_bytes()).hexdigest())
        truth.append([label in photo.labels for label in labels])
        kept.append(photo)
    if photos and not kept:
        first = f"the first of {len(photos)}: {unreadable[0]}"
        raise DatasetError(f"none of the photos could be read, {first}; name the folder they are in with --dataset DIR")
    images = np.stack(pixels) if pixels else np.empty((0, *spec.shape), np.uint8)
    shown = np.array(truth, bool).reshape(len(kept), len(labels))
    return Inputs(images, shown, tuple(kept), tuple(hashes), tuple(unreadable))


def refuse_shared(calibration: Inputs, validation: Inputs) -> None:
    """Raise `RunError` if a calibration photo is a validation photo, byte for byte."""
    held_out = set(validation.sha256)
    pairs = zip(calibration.photos, calibration.sha256, strict=True)
    if shared := [photo.file for photo, digest in pairs if digest in held_out]:
        raise RunError(
            f"calibration photos are validation photos too, the first of {len(shared)} is {shared[0]!r}; int8 would be "
            "evaluated on what it was fitted to: train again, or name the photos of the run with --dataset"
        )


def calibration_warnings(calibration: Inputs, labels: Sequence[str]) -> list[str]:
    """One sentence for each reason to doubt the int8 ranges."""
    count = len(calibration)
    if not count:
        return ["there is no calibration photo, so no int8 variant can be made"]
    found = []
    if count < ENOUGH:
        photos = pluralize(count, "calibration photo")
        found.append(f"{photos} {'is' if count == 1 else 'are'} few; int8 ranges settle at about {ENOUGH}")
    blank, noisy = _unusable_shares(calibration.pixels)
    if blank > TOLERATED:
        found.append(f"{blank:.0%} of the calibration photos are blank, so int8 ranges will be too narrow")
    if noisy > TOLERATED:
        found.append(f"{noisy:.0%} of the calibration photos are noise, not pictures, so int8 ranges will be wrong")
    shown = [bool(column.any()) for column in calibration.truth.T]
    missing = [label for label, seen in zip(labels, shown, strict=True) if any(shown) and not seen]
    if missing:
        found.append(f"no calibration photo shows {', '.join(missing)}")
    return found


def split_halves(pixels: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two disjoint halves, drawn with `seed`."""
    order = np.random.default_rng(seed).permutation(len(pixels))
    middle = len(order) // 2
    return pixels[order[:middle]], pixels[order[middle:]]


def to_csv(calibration: Inputs) -> str:
    """The text of calibration.csv in the bundle: each photo and the SHA-256 of its bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "sha256"))
    writer.writerows(zip((photo.file for photo in calibration.photos), calibration.sha256, strict=True))
    return text.getvalue()


def summarize(calibration: Inputs) -> dict[str, Any]:
    """The calibration photos in the provenance of the manifest."""
    digest = hashlib.sha256("".join(calibration.sha256).encode()).hexdigest()
    return {"photos": len(calibration), "sha256": digest}


def _unusable_shares(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Shares of blank photos, and of noise, where horizontal neighbours differ as much as random pixels do."""
    values = pixels.astype(np.float32)
    steps = np.diff(values, axis=2).reshape(len(pixels), -1).std(axis=1)
    spread = values.reshape(len(pixels), -1).std(axis=1)
    noisy = (spread >= BLANK) & (steps > NOISE * np.sqrt(2) * spread)
    return float((spread < BLANK).mean()), float(noisy.mean())
