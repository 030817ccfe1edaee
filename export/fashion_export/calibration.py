"""Whether the calibration photos can show int8 the ranges it must hold, and which photos they were."""

import csv
import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import RunError
from fashion_edge.wording import some
from fashion_export.photos import Inputs

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
        photos = some(count, "calibration photo")
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
