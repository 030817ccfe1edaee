"""A plate: white words on a dimmed part of the picture, legible on any background.

Where it lies and how its letters look are worked out once and laid on every frame for as long as the words are said:
letters cost OpenCV more than all else that is drawn.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2

WHITE = (255, 255, 255)
DIM = 60  # the brightest that is left of the picture under text; capping costs a third of scaling
REFERENCE_HEIGHT = 480  # pixels; sizes are for this height and scale with it
REFERENCE_WIDTH = 360  # pixels; a narrower picture has smaller words


@dataclass(frozen=True, eq=False, slots=True)
class Plate:
    """Lies wholly inside the pictures it was made for."""

    left: int
    top: int
    words: NDArray[np.uint8]  # (height, width, 3), white on black

    def lay(self, image: NDArray[np.uint8]) -> None:
        """Dim what lies under it and write the words, in place."""
        cv2, (height, width) = load_cv2(), self.words.shape[:2]
        part = image[self.top : self.top + height, self.left : self.left + width]
        cv2.min(part, _ceiling(self.words.shape), part)
        cv2.max(part, self.words, part)


@dataclass(frozen=True, slots=True)
class BarRows:
    """Where bars stand: a row a label, its name on the plate, the bar right of it."""

    plate: Plate
    height: int  # of a row, pixels
    left: int  # of the bars
    length: int  # of a full one

    def span(self, place: int, score: float) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Two corners of the bar in row `place` for a score 0..1; None where nothing is to be seen of it."""
        length = round(score * self.length)
        if length <= 0:
            return None
        top = self.plate.top + place * self.height
        return (self.left, top + self.height // 4), (self.left + length, top + self.height - self.height // 4)


def unit_of(height: int, width: int) -> float:
    """How much larger than on a picture of the reference height."""
    return max(0.35, min(height / REFERENCE_HEIGHT, width / REFERENCE_WIDTH))


@lru_cache(maxsize=16)
def headline(text: str, height: int, width: int) -> Plate:
    """Large, top left; a long text is shrunk to the width."""
    unit = unit_of(height, width)
    scale, thickness, margin = 1.0 * unit, max(1, round(2 * unit)), max(2, round(8 * unit))
    (wide, tall), below = text_size(text, scale, thickness)
    if wide > width - 2 * margin:
        scale *= (width - 2 * margin) / wide
        (wide, tall), below = text_size(text, scale, thickness)
    size = min(height, tall + below + 2 * margin), min(width, wide + 2 * margin)
    return Plate(0, 0, write((text,), size, scale, thickness, (margin, margin + tall)))


@lru_cache(maxsize=2)
def corner(text: str, height: int, width: int) -> Plate | None:
    """Small, bottom right; None where the picture is too narrow for it beside the bars."""
    unit = unit_of(height, width)
    scale, margin = 0.4 * unit, max(2, round(5 * unit))
    (wide, tall), below = text_size(text, scale, 1)
    left, top = width - wide - 2 * margin, height - tall - below - 2 * margin
    if left < _rows_width(unit) or top < 0:
        return None
    return Plate(left, top, write((text,), (height - top, width - left), scale, 1, (margin, margin + tall)))


@lru_cache(maxsize=2)
def hint(text: str, height: int, width: int) -> Plate:
    """Middling, top right; a long text is cut off."""
    unit = unit_of(height, width)
    scale, margin = 0.5 * unit, max(2, round(6 * unit))
    (wide, tall), below = text_size(text, scale, 1)
    left = max(0, width - wide - 2 * margin)
    size = min(height, tall + below + 2 * margin), width - left
    return Plate(left, 0, write((text,), size, scale, 1, (margin, margin + tall)))


@lru_cache(maxsize=8)
def bar_rows(names: tuple[str, ...], height: int, width: int) -> BarRows:
    """Bottom left, from the bottom up."""
    unit = unit_of(height, width)
    row, left = row_height(unit), round(70 * unit)
    wide = min(width, _rows_width(unit))
    origin = (round(4 * unit), round(0.72 * row))
    words = write(names, (len(names) * row, wide), 0.5 * unit, 1, origin, row)
    return BarRows(Plate(0, height - len(names) * row, words), row, left, wide - left - 4)


@lru_cache(maxsize=16)
def _ceiling(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """`DIM` all over: OpenCV takes the smaller of two arrays in two thirds of the time that a scalar costs it."""
    return np.full(shape, DIM, np.uint8)


def row_height(unit: float) -> int:
    """Of a bar and its name, pixels."""
    return max(8, round(20 * unit))


def _rows_width(unit: float) -> int:
    return round(190 * unit)


def text_size(text: str, scale: float, thickness: int) -> tuple[tuple[int, int], int]:
    """(width, height), and what hangs below the line; pixels."""
    cv2 = load_cv2()
    (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    return (wide, tall), below


def read_fonts() -> None:
    """What OpenCV else does for the first word that it draws: 20 ms here, hundreds on a slow card."""
    text_size("?", 1.0, 1)


def write(
    lines: tuple[str, ...], size: tuple[int, int], scale: float, thickness: int, origin: tuple[int, int], row: int = 0
) -> NDArray[np.uint8]:
    """White lines on black, (height, width, 3); the first starts at `origin`, each next one `row` pixels below."""
    cv2 = load_cv2()
    words = np.zeros((max(1, size[0]), max(1, size[1]), 3), np.uint8)
    for place, text in enumerate(lines):
        where = (origin[0], origin[1] + place * row)
        cv2.putText(words, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, thickness, cv2.LINE_AA)
    return words
