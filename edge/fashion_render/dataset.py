"""Sets of rendered pictures: folders of photos for training, and the golden frames of a bundle."""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_render.scene import Camera, Image, render_object, render_photo

COMBINATIONS = (
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
}
QUALITY = 92  # of the file; the JPEG artefacts of the camera are in the picture already
GOLDEN_SIZE = 192, 144
GOLDEN_SEED = 3
GOLDEN_COLOURS, GOLDEN_GARMENTS = ("black", "blue", "red"), ("dress", "jeans", "shirt")
STEP = 4  # golden frames have every fourth grey level: not visible, and the file compresses to half
BARS = ((255, 255, 255), (0, 255, 255), (255, 255, 0), (0, 255, 0), (255, 0, 255), (0, 0, 255), (255, 0, 0), (0, 0, 0))


def render_dataset(
    folder: str | os.PathLike[str],
    photos_per_combination: int,
    seed: int,
    combinations: Sequence[tuple[str, str]] = COMBINATIONS,
) -> int:
    """Write `folder/colour_garment/00001.jpg` and so on, as `fashion-train` reads them.

    Every photo has a random stream of its own, so the first n photos do not depend on the number of photos.

    Args:
        folder: created if missing; files of the same name are replaced.
        photos_per_combination: at least 1.
        seed: of the whole set, 0 or more.
        combinations: (colour, garment) pairs; the six of the tutorial by default.

    Returns:
        How many photos were written.

    Raises:
        ValueError: an unknown colour or garment, or fewer than one photo.

    Example:
        >>> render_dataset("photos", photos_per_combination=250, seed=1)
        1500
    """
    if photos_per_combination < 1:
        raise ValueError(f"{photos_per_combination} photos of each is not 1 or more")
    for colour, garment in combinations:
        name = f"{colour}_{garment}"
        for number in range(1, photos_per_combination + 1):
            rng = stream(seed, name, number)
            height, width = SIZES.get(garment, SIZES["jeans"])[rng.integers(6)]
            _write(Path(folder, name, f"{number:05d}.jpg"), render_photo(rng, garment, colour, height, width))
    return photos_per_combination * len(combinations)


def stream(seed: int, name: str, number: int) -> np.random.Generator:
    """The random stream of one picture of a set."""
    return np.random.default_rng([seed, number, *name.encode()])


def _write(path: Path, photo: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    _, coded = cv2.imencode(".jpg", photo, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    path.write_bytes(coded.tobytes())


def golden_frames() -> NDArray[np.uint8]:
    """Render the frames by which a bundle checks its scores at start-up: no grain, the same on every call.

    Returns:
        Frames (12, 192, 144, 3) uint8 B, G, R: black, blue and red of each garment, a bag, an empty background and a
        colour-bar card, the only one on which swapped channels show.

    Example:
        >>> golden_frames().shape
        (12, 192, 144, 3)
    """
    camera = Camera()
    frames = []
    for colour in GOLDEN_COLOURS:
        for garment in GOLDEN_GARMENTS:
            rng = stream(GOLDEN_SEED, f"{colour}_{garment}", 0)
            photo = render_photo(rng, garment, colour, *GOLDEN_SIZE, camera=camera, background="white", texture=False)
            frames.append(photo)
    bag = stream(GOLDEN_SEED, "bag", 0)
    frames += [render_object(bag, "bag", *GOLDEN_SIZE, camera=camera, background="white"), _gradient(), _bars()]
    stack = np.stack(frames).astype(np.int16)
    return np.minimum(255, (stack + STEP // 2) // STEP * STEP).astype(np.uint8)


def _gradient() -> Image:
    """Empty paper: lighter above, warmer on one side."""
    y, x = np.linspace(0, 1, GOLDEN_SIZE[0])[:, None], np.linspace(0, 1, GOLDEN_SIZE[1])
    return np.stack([170 - 60 * y + 20 * x, 180 - 70 * y + 0 * x, 190 - 70 * y - 20 * x], axis=2).astype(np.uint8)


def _bars() -> Image:
    """Eight bars above a grey ramp."""
    height, width = GOLDEN_SIZE
    frame = np.empty((height, width, 3), np.uint8)
    frame[:] = np.repeat(np.array(BARS, np.uint8), width // len(BARS), axis=0)
    frame[height * 3 // 4 :] = np.linspace(0, 255, width).astype(np.uint8)[:, None]
    return frame
