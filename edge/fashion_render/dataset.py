"""A data set of rendered photos on disk, in folders as `fashion-train` reads them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fashion_edge.opencv import cv2
from fashion_render.objects import OBJECTS
from fashion_render.scene import SceneImage, render_background, render_object, render_photo

Combination = tuple[str, str]  # colour, garment

COMBINATIONS: tuple[Combination, ...] = (
    ("black", "jeans"),
    ("blue", "dress"),
    ("blue", "jeans"),
    ("blue", "shirt"),
    ("red", "dress"),
    ("red", "shirt"),
)
# Height, width: dresses are photographed upright, shirts nearly square.
SIZES = {
    "dress": ((320, 214), (320, 214), (320, 256), (320, 200), (320, 240), (300, 300)),
    "jeans": ((320, 240), (320, 256), (320, 214), (320, 230), (300, 300), (300, 300)),
    "shirt": ((300, 300), (300, 300), (300, 300), (320, 260), (320, 240), (280, 320)),
    "thing": ((320, 240), (300, 300), (300, 300), (320, 256), (240, 320), (320, 214)),
}
QUALITY = 92  # of the file; the camera's own JPEG artefacts are in the picture already


def render_dataset(
    folder: Path, photos_per_combination: int, seed: int, combinations: Sequence[Combination] = COMBINATIONS
) -> int:
    """Write `folder/colour_garment/00001.jpg` and so on; returns how many photos were written.

    Every photo has a random stream of its own, so the first n photos are the same whatever the number asked for.

    Args:
        folder: made where it is missing; files of the same name are replaced.
        photos_per_combination: at least 1.
        seed: of the whole set, 0 or more.
        combinations: (colour, garment) pairs; the six of the tutorial by default.

    Raises:
        ValueError: a colour or garment that is not known, or fewer than one photo.
    """
    _check(photos_per_combination)
    for colour, garment in combinations:
        for number in range(1, photos_per_combination + 1):
            rng = stream(seed, f"{colour}_{garment}", number)
            height, width = _size(rng, garment)
            photo = render_photo(rng, garment, colour, height, width)
            _write(folder / f"{colour}_{garment}" / f"{number:05d}.jpg", photo)
    return photos_per_combination * len(combinations)


def render_negatives(folder: Path, photos_per_kind: int, seed: int) -> int:
    """Write photos that show none of the garments: `folder/bag/00001.jpg` ... and `folder/background/00001.jpg`.

    Returns how many photos were written.

    Raises:
        ValueError: fewer than one photo.
    """
    _check(photos_per_kind)
    for kind in (*OBJECTS, "background"):
        for number in range(1, photos_per_kind + 1):
            rng = stream(seed, kind, number)
            height, width = _size(rng, "thing")
            photo = (
                render_background(rng, height, width)
                if kind == "background"
                else render_object(rng, kind, height, width)
            )
            _write(folder / kind / f"{number:05d}.jpg", photo)
    return photos_per_kind * (len(OBJECTS) + 1)


def stream(seed: int, name: str, number: int) -> np.random.Generator:
    """The random stream of one picture of a set."""
    return np.random.default_rng([seed, number, *name.encode()])


def _size(rng: np.random.Generator, what: str) -> tuple[int, int]:
    sizes = SIZES[what]
    return sizes[rng.integers(len(sizes))]


def _check(photos: int) -> None:
    if photos < 1:
        raise ValueError(f"{photos} photos of each is not 1 or more")


def _write(path: Path, photo: SceneImage) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, coded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    path.write_bytes(coded.tobytes())
