"""Data augmentation: geometry, light, and camera artefacts.

Every function works on one uint8 RGB picture in OpenCV, which releases the interpreter lock, and takes a random
generator: the same seed gives the same picture.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2

Size = tuple[int, int]  # height, width; pixels
Picture = NDArray[np.uint8]
Rng = np.random.Generator


def scaled(size: Size, factor: float) -> Size:
    """A size times a factor, to the nearest pixel."""
    return round(size[0] * factor), round(size[1] * factor)


@dataclass(frozen=True)
class Augmentation:
    """Largest amount, or probability, of each change; 0 switches it off."""

    rotation: float = 20.0  # degrees either way
    shift: float = 0.1  # of the side
    shear: float = 8.0  # degrees
    zoom: tuple[float, float] = (0.75, 1.35)  # size of the content
    aspect: float = 0.2  # log of the ratio between horizontal and vertical zoom
    flip: float = 0.5
    white_border: float = 0.5  # probability that what lies outside is white; else the border's pixels are repeated
    light: float = 0.8  # brightness, contrast, white balance
    low_resolution: float = 0.35
    blur: float = 0.15
    noise: float = 0.2
    jpeg: float = 0.35
    occlusion: float = 0.1


# Close to what the device sees.
LIGHT_AUGMENTATION = Augmentation(
    rotation=6.0,
    shift=0.04,
    shear=2.0,
    zoom=(0.9, 1.1),
    aspect=0.1,
    light=0.4,
    low_resolution=0.15,
    blur=0.0,
    noise=0.0,
    jpeg=0.1,
    occlusion=0.0,
)
# ImageDataGenerator takes the shear in degrees, so the tutorial's 0.2 hardly changes anything, and draws the zoom of
# both axes independently.
OFF: Any = dict.fromkeys(("white_border", "light", "low_resolution", "blur", "noise", "jpeg", "occlusion"), 0.0)
TUTORIAL = Augmentation(rotation=25.0, shift=0.1, shear=0.2, zoom=(0.8, 1.2), aspect=0.4, flip=0.5, **OFF)


def augment(picture: Picture, size: Size, changes: Augmentation, rng: Rng) -> Picture:
    """An augmented copy (*size, 3) uint8 RGB of a picture (h, w, 3) uint8 RGB."""
    picture = warp(picture, size, changes, rng)
    if rng.random() < changes.light:
        picture = relight(picture, rng)
    if rng.random() < changes.occlusion:
        picture = occlude(picture, rng)
    return degrade(picture, changes, rng)


def warp(picture: Picture, size: Size, changes: Augmentation, rng: Rng) -> Picture:
    """Rotate, shift, shear, zoom and flip in one step, to (*size, 3)."""
    white = rng.random() < changes.white_border
    matrix = _affine(picture.shape, size, changes, rng)
    return cv2.warpAffine(  # type: ignore[no-any-return]
        picture,
        matrix,
        size[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT if white else cv2.BORDER_REPLICATE,
        borderValue=(255, 255, 255),
    )


def _affine(shape: tuple[int, ...], size: Size, changes: Augmentation, rng: Rng) -> NDArray[np.float64]:
    """The 2x3 matrix from source to target pixels."""
    angle = np.deg2rad(rng.uniform(-changes.rotation, changes.rotation))
    shear = np.tan(np.deg2rad(rng.uniform(-changes.shear, changes.shear)))
    zoom, ratio = rng.uniform(*changes.zoom), np.exp(rng.uniform(-changes.aspect, changes.aspect) / 2)
    mirror = -1 if rng.random() < changes.flip else 1
    scale = np.diag([mirror * zoom * ratio * size[1] / shape[1], zoom / ratio * size[0] / shape[0]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, shear], [0, 1]]) @ scale
    centre_from = np.array([shape[1] - 1, shape[0] - 1]) / 2
    width_height = np.array(size[::-1])
    centre_to = (width_height - 1) / 2 + rng.uniform(-changes.shift, changes.shift, 2) * width_height
    return np.column_stack([linear, centre_to - linear @ centre_from])


def relight(picture: Picture, rng: Rng) -> Picture:
    """Change exposure, contrast and white balance by one curve per channel, too little to change the colour's name."""
    curve = np.arange(256) / 255
    contrast, brightness = rng.uniform(0.8, 1.2), rng.uniform(-0.08, 0.08)
    gamma = np.exp(rng.uniform(-0.25, 0.25))
    gains = np.exp(rng.uniform(-0.07, 0.07, 3))
    table = ((curve**gamma - 0.5) * contrast + 0.5 + brightness)[:, None] * gains
    table = np.clip(table * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.LUT(picture, table.reshape(256, 1, 3)))


def occlude(picture: Picture, rng: Rng) -> Picture:
    """Cover a rectangle, at most 28 % of each side, with one colour."""
    height, width = picture.shape[:2]
    h, w = (int(rng.uniform(0.08, 0.28) * side) for side in (height, width))
    top, left = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
    picture = picture.copy()
    picture[top : top + h, left : left + w] = rng.integers(0, 256, 3)
    return picture


def downscale(picture: Picture, size: Size, rng: Rng) -> Picture:
    """Reduce the picture (h, w, 3) to `size` (height, width), compress it as JPEG, and enlarge it again.

    Where every background image is a thumbnail, a network learns that thumbnails show no garment.
    """
    height, width = picture.shape[:2]
    small = min(width, size[1]), min(height, size[0])
    if small == (width, height):
        return picture
    picture = compress(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), int(rng.integers(70, 96)))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[no-any-return]


def compress(picture: Picture, quality: int) -> Picture:
    """The picture after JPEG compression with a quality of 1..100."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[no-any-return]


def degrade(picture: Picture, changes: Augmentation, rng: Rng) -> Picture:
    """Low resolution, blur, noise and JPEG artefacts, each with its probability."""
    height, width = picture.shape[:2]
    if rng.random() < changes.low_resolution:
        small = (int(rng.uniform(0.4, 0.9) * width), int(rng.uniform(0.45, 1.0) * height))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < changes.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < changes.noise:
        grain = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(2, 9))
        picture = (picture + grain).clip(0, 255).astype(np.uint8)
    if rng.random() < changes.jpeg:
        picture = compress(picture, int(rng.integers(30, 90)))
    return picture
