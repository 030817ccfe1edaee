"""Annotations on a frame: region of interest, decision, a bar for each label, frame rate and age."""

import textwrap
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fashion_edge.frame import Box
from fashion_edge.opencv import cv2
from fashion_edge.result import Result

WHITE = (255, 255, 255)
DIM = 60  # largest brightness of the picture under text; capping costs a third of scaling
REFERENCE_HEIGHT = 480  # pixels; sizes are for this height and scale with it
REFERENCE_WIDTH = 360  # pixels; narrower pictures have smaller text


@dataclass(frozen=True, eq=False, slots=True)
class Plate:
    """A block of text at a fixed place, inside the pictures it was made for."""

    left: int
    top: int
    words: NDArray[np.uint8]  # (height, width, 3), white on black

    def draw(self, image: NDArray[np.uint8]) -> None:
        """Dim the picture under the text and draw the text, in place."""
        height, width = self.words.shape[:2]
        part = image[self.top : self.top + height, self.left : self.left + width]
        cv2.min(part, _ceiling(self.words.shape), part)
        cv2.max(part, self.words, part)


@dataclass(frozen=True, slots=True)
class BarRows:
    """Layout of the bars: one row for each label, its name on the plate, the bar to the right."""

    plate: Plate
    height: int  # of a row, pixels
    left: int  # of the bars
    length: int  # of a full one

    def span(self, place: int, score: float) -> tuple[tuple[int, int], tuple[int, int]] | None:
        """Return two corners of the bar in row `place` for a score 0..1; None where it would be invisible."""
        length = round(score * self.length)
        if length <= 0:
            return None
        top = self.plate.top + place * self.height
        return (self.left, top + self.height // 4), (self.left + length, top + self.height - self.height // 4)


def unit_of(height: int, width: int) -> float:
    """Return the scale of text relative to a picture of the reference size."""
    return max(0.35, min(height / REFERENCE_HEIGHT, width / REFERENCE_WIDTH))


@lru_cache(maxsize=16)
def headline(text: str, height: int, width: int) -> Plate:
    """Return large text for the top left corner, shrunk to the width."""
    unit = unit_of(height, width)
    thickness, margin = max(1, round(2 * unit)), max(2, round(8 * unit))
    (wide, _), _ = text_size(text, unit, thickness)
    scale = unit * min(1.0, (width - 2 * margin) / max(1, wide))
    return _plate(text, scale, thickness, margin, height, width, "top left")


@lru_cache(maxsize=2)
def corner(text: str, height: int, width: int) -> Plate | None:
    """Return small text for the bottom right corner; None where the bars leave no space."""
    unit = unit_of(height, width)
    plate = _plate(text, 0.4 * unit, 1, max(2, round(5 * unit)), height, width, "bottom right")
    return None if plate.left < _rows_width(unit) or plate.top == 0 else plate


@lru_cache(maxsize=2)
def hint(text: str, height: int, width: int) -> Plate:
    """Return text for the top right corner; a long one is cut off."""
    unit = unit_of(height, width)
    return _plate(text, 0.5 * unit, 1, max(2, round(6 * unit)), height, width, "top right")


def _plate(text: str, scale: float, thickness: int, margin: int, height: int, width: int, place: str) -> Plate:
    (wide, tall), below = text_size(text, scale, thickness)
    rows, columns = min(height, tall + below + 2 * margin), min(width, wide + 2 * margin)
    left, top = width - columns if "right" in place else 0, height - rows if "bottom" in place else 0
    return Plate(left, top, write((text,), (rows, columns), scale, thickness, (margin, margin + tall)))


@lru_cache(maxsize=8)
def bar_rows(names: tuple[str, ...], height: int, width: int) -> BarRows:
    """Return the rows of bars for the bottom left corner."""
    unit = unit_of(height, width)
    row, left = row_height(unit), round(70 * unit)
    wide = min(width, _rows_width(unit))
    origin = (round(4 * unit), round(0.72 * row))
    words = write(names, (len(names) * row, wide), 0.5 * unit, 1, origin, row)
    return BarRows(Plate(0, height - len(names) * row, words), row, left, wide - left - 4)


@lru_cache(maxsize=16)
def _ceiling(shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return an array of `DIM`: for OpenCV the minimum with an array takes two thirds of the time of a scalar."""
    return np.full(shape, DIM, np.uint8)


def row_height(unit: float) -> int:
    """Height of a bar and its name, pixels."""
    return max(8, round(20 * unit))


def _rows_width(unit: float) -> int:
    return round(190 * unit)


def text_size(text: str, scale: float, thickness: int) -> tuple[tuple[int, int], int]:
    """Return (width, height), and the height below the baseline; pixels."""
    (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    return (wide, tall), below


def load_fonts() -> None:
    """Load the fonts now; else the first text that OpenCV draws takes 20 ms, or hundreds on a slow SD card."""
    text_size("?", 1.0, 1)


def write(
    lines: tuple[str, ...], size: tuple[int, int], scale: float, thickness: int, origin: tuple[int, int], row: int = 0
) -> NDArray[np.uint8]:
    """Return white lines on black, (height, width, 3); the first starts at `origin`, the next `row` pixels below."""
    words = np.zeros((max(1, size[0]), max(1, size[1]), 3), np.uint8)
    for place, text in enumerate(lines):
        where = (origin[0], origin[1] + place * row)
        cv2.putText(words, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, thickness, cv2.LINE_AA)
    return words


GREY, GREEN = (170, 170, 170), (90, 200, 90)
NIGHT, ASH = (25, 26, 27), (142, 146, 150)  # colours of the card without a picture
MAX_SIDE = 1920  # pixels: a thin strip is not enlarged beyond this
MIN_SIDE = 360  # pixels of the shorter side: on smaller pictures text would hide the content


def draw_result(result: Result) -> None:
    """Draw on `result.frame.image` in place; legible on any background and at any resolution."""
    image, box = result.frame.image, result.box
    height, width = image.shape[:2]
    if (box.width, box.height) != (width, height):
        _draw_box(image, box, max(1, round(2 * unit_of(height, width))))
    headline(result.decision.text, height, width).draw(image)
    _draw_bars(image, result)
    if result.vitals is not None and (plate := corner(result.vitals.describe(), height, width)):
        plate.draw(image)


def enlarge(result: Result) -> Result:
    """Return the result with its picture enlarged by a whole number, where text would hide the content."""
    image, box = result.frame.image, result.box
    height, width = image.shape[:2]
    times = -(-MIN_SIDE // min(height, width))
    if times == 1:
        return result
    times = max(1, min(times, MAX_SIDE // max(height, width)))
    larger = cv2.resize(image, (times * width, times * height), interpolation=cv2.INTER_NEAREST)
    scaled = Box(*(times * part for part in (box.left, box.top, box.width, box.height)))
    return replace(result, frame=replace(result.frame, image=larger), box=scaled)


def draw_no_signal(height: int, width: int, detail: str) -> NDArray[np.uint8]:
    """Return a card (height, width, 3) uint8 B, G, R that replaces the picture of a lost source and says why."""
    unit = unit_of(height, width)
    card = np.full((height, width, 3), NIGHT, np.uint8)
    middle = height // 2
    _draw_centred(card, "NO SIGNAL", middle, 1.3 * unit, WHITE, max(1, round(2 * unit)))
    plain = detail.encode("ascii", "replace").decode()
    for row, line in enumerate(textwrap.wrap(plain, 44)[:4]):
        _draw_centred(card, line, middle + round((38 + 24 * row) * unit), 0.5 * unit, ASH, 1)
    return card


def draw_hint(image: NDArray[np.uint8], text: str) -> None:
    """Draw one small line at the top right, in place: for viewers, not for recordings."""
    hint(text, *image.shape[:2]).draw(image)


def _draw_centred(
    image: NDArray[np.uint8], text: str, baseline: int, scale: float, colour: tuple[int, ...], thickness: int
) -> None:
    (wide, _), _ = text_size(text, scale, thickness)
    where = (max(0, (image.shape[1] - wide) // 2), baseline)
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


def _draw_box(image: NDArray[np.uint8], box: Box, line: int) -> None:
    """A white line with a dark rim on both sides; filled slices cost a twentieth of thick lines."""
    part = image[box.top : box.top + box.height, box.left : box.left + box.width]
    profile = _profile(line)
    thick = len(profile)
    if min(part.shape[:2]) <= 2 * thick:
        return  # a frame would hide its content
    part[:, :thick] = part[:, -thick:] = profile  # columns touch every row: written once, not for each shade
    inner = part[1:-1, 1:-1]
    part[0] = part[-1] = 0
    inner[: thick - 2] = inner[2 - thick :] = 255
    inside = part[thick - 1 : 1 - thick, thick - 1 : 1 - thick]
    inside[0] = inside[-1] = 0


@lru_cache(maxsize=8)
def _profile(line: int) -> NDArray[np.uint8]:
    """Return the pixels across a line: (line + 2, 3), dark at both ends."""
    profile = np.full((line + 2, 3), 255, np.uint8)
    profile[[0, -1]] = 0
    return profile


def _draw_bars(image: NDArray[np.uint8], result: Result) -> None:
    """Draw one row for each label: name, and score as a bar; green where it was decided on."""
    height, width = image.shape[:2]
    scores, labels, decided = result.smoothed_array.tolist(), result.label_names, result.labels
    most = height // 2 // row_height(unit_of(height, width))  # at most half of the picture
    if most == 0:
        return
    if most < len(labels):
        best = sorted(sorted(range(len(labels)), key=lambda i: -scores[i])[:most])
        scores, labels = [scores[i] for i in best], tuple(labels[i] for i in best)
    rows, rectangle = bar_rows(labels, height, width), cv2.rectangle
    rows.plate.draw(image)
    for place, (label, score) in enumerate(zip(labels, scores, strict=True)):
        if span := rows.span(place, score):
            rectangle(image, *span, GREEN if label in decided else GREY, -1)
