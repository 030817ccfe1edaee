"""Photos that calibrate int8 and photos that evaluate it: read, preprocessed and checked."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import pluralize
from fashion_edge.errors import DatasetError, ImageError, RunError
from fashion_edge.images import read_image
from fashion_edge.preprocess import InputSpec, preprocess


@dataclass(frozen=True)
class Photo:
    """One row of split.csv or calibration.csv."""

    file: str  # relative to the data set's root, with /
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Inputs:
    """Photos that were read: pixels (n, h, w, 3) uint8, truth (n, labels) bool, and the names behind the rows."""

    pixels: NDArray[np.uint8]
    truth: NDArray[np.bool_]
    photos: tuple[Photo, ...]
    sha256: tuple[str, ...]  # of each file's bytes
    unreadable: tuple[str, ...]  # one sentence each

    def __len__(self) -> int:
        return len(self.photos)


def read_rows(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a CSV file of the run folder.

    Raises:
        RunError: missing, not text, or without one of `columns`.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            rows = list(reader)
    except FileNotFoundError:
        raise RunError(f"{path} is missing, so {path.parent} is not a whole run; train again") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise RunError(f"{path} is not a readable CSV file ({error}); train again") from error
    if missing := [name for name in columns if name not in (reader.fieldnames or ())]:
        raise RunError(f"{path} has no column {missing[0]!r}; it needs {','.join(columns)}")
    if any(row[name] is None for row in rows for name in columns):
        raise RunError(f"{path} has a row that is cut short; it needs {','.join(columns)} on every line")
    return rows


def to_photos(rows: Sequence[dict[str, str]], source: Path) -> tuple[Photo, ...]:
    """Rows to photos; a name that leaves the data set's root is refused.

    Raises:
        RunError: an absolute name or one with `..`.
    """
    for row in rows:
        name = PurePosixPath(row["file"])
        if not row["file"] or name.is_absolute() or ".." in name.parts or "\\" in row["file"] or "\0" in row["file"]:
            raise RunError(f"{source} names {row['file']!r}, which is not a file below the data set's root")
    return tuple(Photo(row["file"], tuple(row["labels"].split())) for row in rows)


def load_inputs(root: Path, photos: Sequence[Photo], labels: Sequence[str], spec: InputSpec) -> Inputs:
    """Read and preprocess photos below `root`; unreadable ones are listed, not silently dropped.

    Raises:
        DatasetError: photos were named, and not one of them could be read.
    """
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
        raise DatasetError(
            f"none of the photos could be read, the first of {len(photos)}: {unreadable[0]}; "
            "name the folder they are in with --dataset DIR"
        )
    return Inputs(
        np.stack(pixels) if pixels else np.empty((0, *spec.shape), np.uint8),
        np.array(truth, bool).reshape(len(kept), len(labels)),
        tuple(kept),
        tuple(hashes),
        tuple(unreadable),
    )


ENOUGH = 100  # photos; ranges settle at about this number on the networks of this project
BLANK = 4.0  # standard deviation of the pixels, of 255
NOISE = 0.85  # neighbouring pixels as unlike as any two; photos lie below 0.5
TOLERATED = 0.1  # share of blank or noisy photos that is said nothing of


def refuse_shared(calibration: Inputs, validation: Inputs) -> None:
    """Raise `RunError` where a calibration photo is a validation photo, byte for byte."""
    held_out = set(validation.sha256)
    shared = [
        photo.file for photo, digest in zip(calibration.photos, calibration.sha256, strict=True) if digest in held_out
    ]
    if shared:
        raise RunError(
            f"calibration photos are validation photos too, the first of {len(shared)} is {shared[0]!r}; int8 would be "
            "judged on what it was fitted to: train again, or name the photos that it learned from with --dataset"
        )


def warnings_of(calibration: Inputs, labels: Sequence[str]) -> list[str]:
    """One sentence for each thing that makes the ranges doubtful."""
    count = len(calibration)
    if not count:
        return ["there is no calibration photo, so no int8 variant can be made"]
    found = []
    if count < ENOUGH:
        photos = pluralize(count, "calibration photo")
        found.append(f"{photos} {'is' if count == 1 else 'are'} few; int8 ranges settle at about {ENOUGH}")
    blank, noisy = _blank(calibration.pixels).mean(), _noisy(calibration.pixels).mean()
    if blank > TOLERATED:
        found.append(f"{blank:.0%} of the calibration photos are blank, so int8 ranges will be too narrow")
    if noisy > TOLERATED:
        found.append(f"{noisy:.0%} of the calibration photos are noise, not pictures, so int8 ranges will be wrong")
    seen = [bool(calibration.truth[:, column].any()) for column in range(len(labels))]
    missing = [label for label, shown in zip(labels, seen, strict=True) if any(seen) and not shown]
    if missing:
        found.append(f"no calibration photo shows {', '.join(missing)}")
    return found


def halves(pixels: NDArray[np.uint8], seed: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two disjoint halves, drawn by `seed`."""
    order = np.random.default_rng(seed).permutation(len(pixels))
    middle = len(order) // 2
    return pixels[order[:middle]], pixels[order[middle:]]


def manifest(calibration: Inputs) -> str:
    """The text of calibration.csv in the bundle: each photo and the SHA-256 of its bytes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("file", "sha256"))
    writer.writerows(zip((photo.file for photo in calibration.photos), calibration.sha256, strict=True))
    return text.getvalue()


def summary(calibration: Inputs) -> dict[str, Any]:
    """What the manifest's provenance keeps."""
    digest = hashlib.sha256("".join(calibration.sha256).encode()).hexdigest()
    return {"photos": len(calibration), "sha256": digest}


def _blank(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    deviations: NDArray[np.bool_] = pixels.reshape(len(pixels), -1).std(axis=1) < BLANK
    return deviations


def _noisy(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Where horizontal neighbours differ by as much as pixels drawn at random would."""
    values = pixels.astype(np.float32)
    steps = np.diff(values, axis=2).reshape(len(pixels), -1).std(axis=1)
    spread = values.reshape(len(pixels), -1).std(axis=1)
    noisy: NDArray[np.bool_] = (spread >= BLANK) & (steps > NOISE * np.sqrt(2) * spread)
    return noisy
