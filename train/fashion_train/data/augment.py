"""What is done to a picture before it is learned from: geometry, light, and the damage that cameras do.

Everything works on one uint8 RGB picture in OpenCV, which releases the interpreter lock, and draws from the
generator it is given: the same seed gives the same picture.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import cv2
from fashion_train.size import Size

Picture = NDArray[np.uint8]
Rng = np.random.Generator


@dataclass(frozen=True)
class Augmentation:
    """How far each change may go; probabilities are shares of pictures, 0 switches a change off."""

    rotation: float = 20.0  # degrees either way
    shift: float = 0.1  # of the side
    shear: float = 8.0  # degrees
    zoom: tuple[float, float] = (0.75, 1.35)  # size of the content
    aspect: float = 0.2  # log of the ratio between the two zooms
    flip: float = 0.5
    white_border: float = 0.5  # what lies outside: white, else the border's pixels again
    light: float = 0.8  # brightness, contrast, white balance
    low_resolution: float = 0.35
    blur: float = 0.15
    noise: float = 0.2
    jpeg: float = 0.35
    occlusion: float = 0.1


CALM = Augmentation(
    rotation=6.0,
    shift=0.04,
    shear=2.0,
    zoom=(0.9, 1.1),
    aspect=0.1,
    flip=0.5,
    white_border=0.5,
    light=0.4,
    low_resolution=0.15,
    blur=0.0,
    noise=0.0,
    jpeg=0.1,
    occlusion=0.0,
)  # near to what the device sees: a share of pictures is left like this
TUTORIAL = Augmentation(
    rotation=25.0,
    shift=0.1,
    shear=0.2,  # ImageDataGenerator takes degrees: the tutorial's 0.2 is next to nothing
    zoom=(0.8, 1.2),
    aspect=0.4,  # both axes are drawn by themselves there
    flip=0.5,
    white_border=0.0,
    light=0.0,
    low_resolution=0.0,
    blur=0.0,
    noise=0.0,
    jpeg=0.0,
    occlusion=0.0,
)


def augment(picture: Picture, size: Size, how: Augmentation, rng: Rng) -> Picture:
    """A changed copy (*size, 3) uint8 RGB of a picture (h, w, 3) uint8 RGB."""
    picture = warp(picture, size, how, rng)
    if rng.random() < how.light:
        picture = relight(picture, rng)
    if rng.random() < how.occlusion:
        picture = occlude(picture, rng)
    return degrade(picture, how, rng)


def warp(picture: Picture, size: Size, how: Augmentation, rng: Rng) -> Picture:
    """Rotate, shift, shear, zoom and flip in one step, to (*size, 3)."""
    white = rng.random() < how.white_border
    matrix = _affine(picture.shape, size, how, rng)
    return cv2.warpAffine(  # type: ignore[no-any-return]
        picture,
        matrix,
        size[::-1],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT if white else cv2.BORDER_REPLICATE,
        borderValue=(255, 255, 255),
    )


def _affine(shape: tuple[int, ...], size: Size, how: Augmentation, rng: Rng) -> NDArray[np.float64]:
    """The 2x3 matrix from source to target pixels."""
    angle = np.deg2rad(rng.uniform(-how.rotation, how.rotation))
    shear = np.tan(np.deg2rad(rng.uniform(-how.shear, how.shear)))
    zoom, ratio = rng.uniform(*how.zoom), np.exp(rng.uniform(-how.aspect, how.aspect) / 2)
    mirror = -1 if rng.random() < how.flip else 1
    scale = np.diag([mirror * zoom * ratio * size[1] / shape[1], zoom / ratio * size[0] / shape[0]])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = turn @ np.array([[1, shear], [0, 1]]) @ scale
    centre_from = np.array([shape[1] - 1, shape[0] - 1]) / 2
    width_height = np.array(size[::-1])
    centre_to = (width_height - 1) / 2 + rng.uniform(-how.shift, how.shift, 2) * width_height
    return np.column_stack([linear, centre_to - linear @ centre_from])


def relight(picture: Picture, rng: Rng) -> Picture:
    """Another exposure, contrast and white balance: one curve a channel, small enough to leave the colour's name."""
    curve = np.arange(256) / 255
    contrast, brightness = rng.uniform(0.8, 1.2), rng.uniform(-0.08, 0.08)
    gamma = np.exp(rng.uniform(-0.25, 0.25))
    gains = np.exp(rng.uniform(-0.07, 0.07, 3))
    table = ((curve**gamma - 0.5) * contrast + 0.5 + brightness)[:, None] * gains
    table = np.clip(table * 255, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(cv2.LUT(picture, table.reshape(256, 1, 3)))


def occlude(picture: Picture, rng: Rng) -> Picture:
    """Hide one rectangle, at most a quarter of a side each way, behind a flat grey or colour."""
    height, width = picture.shape[:2]
    h, w = (int(rng.uniform(0.08, 0.28) * side) for side in (height, width))
    top, left = int(rng.integers(0, height - h)), int(rng.integers(0, width - w))
    picture = picture.copy()
    picture[top : top + h, left : left + w] = rng.integers(0, 256, 3)
    return picture


def coarsen(picture: Picture, size: tuple[int, int], rng: Rng) -> Picture:
    """The picture (h, w, 3) as if its file had been `size` (height, width) small: what is lost, lost; enlarged again.

    Where every photo without a garment is a thumbnail, a network learns that thumbnails show none.
    """
    height, width = picture.shape[:2]
    small = min(width, size[1]), min(height, size[0])
    if small == (width, height):
        return picture
    picture = compress(cv2.resize(picture, small, interpolation=cv2.INTER_AREA), int(rng.integers(70, 96)))
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)  # type: ignore[no-any-return]


def compress(picture: Picture, quality: int) -> Picture:
    """The picture as JPEG of a quality (1..100) leaves it."""
    _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(data, cv2.IMREAD_COLOR)  # type: ignore[no-any-return]


def degrade(picture: Picture, how: Augmentation, rng: Rng) -> Picture:
    """Low resolution, blur, noise and JPEG blocks, each by chance."""
    height, width = picture.shape[:2]
    if rng.random() < how.low_resolution:
        small = (int(rng.uniform(0.4, 0.9) * width), int(rng.uniform(0.45, 1.0) * height))
        picture = cv2.resize(picture, small, interpolation=cv2.INTER_AREA)
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR)
    if rng.random() < how.blur:
        picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2))
    if rng.random() < how.noise:
        grain = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(2, 9))
        picture = (picture + grain).clip(0, 255).astype(np.uint8)
    if rng.random() < how.jpeg:
        picture = compress(picture, int(rng.integers(30, 90)))
    return picture
