"""Photos with their labels, as the run folder's CSV files list them, brought to model inputs."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

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
