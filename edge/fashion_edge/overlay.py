"""What is drawn on a frame: where the classifier looked, what it says, a bar for each label, how the loop is doing."""

import textwrap
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_edge.result import Result
from fashion_edge.roi import Box

WHITE, GREY, GREEN = (255, 255, 255), (170, 170, 170), (90, 200, 90)
PLATE_SHADE = 0.35  # what is left of the picture's brightness under text
NIGHT, ASH = (25, 26, 27), (142, 146, 150)  # of the card without a picture
LONGEST = 1920  # pixels: a thin strip is not enlarged beyond
SMALLEST = 360  # pixels of the shorter side: below, words would hide the picture
REFERENCE_HEIGHT = 480  # pixels; sizes below are for this height and scale with it


def draw_result(result: Result) -> None:
    """Draw on `result.frame.image` in place; legible on any background and at any resolution."""
    cv2, image = load_cv2(), result.frame.image
    height, width = image.shape[:2]
    unit = _unit(height, width)
    box = result.box
    if (box.width, box.height) != (width, height):
        _draw_box(image, box, max(1, round(2 * unit)))
    _draw_headline(cv2, image, result.decision.text, unit)
    _draw_bars(cv2, image, result, unit)
    if result.vitals is not None:
        _draw_vitals(cv2, image, result.vitals.describe(), unit)


def enlarge(result: Result) -> Result:
    """The result, its picture a whole number of times larger where words would hide what it shows."""
    image, box = result.frame.image, result.box
    height, width = image.shape[:2]
    times = -(-SMALLEST // min(height, width))
    if times == 1:
        return result
    times = max(1, min(times, LONGEST // max(height, width)))
    cv2 = load_cv2()
    larger = cv2.resize(image, (times * width, times * height), interpolation=cv2.INTER_NEAREST)
    scaled = Box(*(times * part for part in (box.left, box.top, box.width, box.height)))
    return replace(result, frame=replace(result.frame, image=larger), box=scaled)


def draw_no_signal(height: int, width: int, detail: str) -> NDArray[np.uint8]:
    """The card (height, width, 3) uint8 B, G, R that stands where a picture was, and why; it is never labelled."""
    cv2, unit = load_cv2(), _unit(height, width)
    card = np.full((height, width, 3), NIGHT, np.uint8)
    middle = height // 2
    _draw_centred(cv2, card, "NO SIGNAL", middle, 1.3 * unit, WHITE, max(1, round(2 * unit)))
    plain = detail.encode("ascii", "replace").decode()
    for row, line in enumerate(textwrap.wrap(plain, 44)[:4]):
        _draw_centred(cv2, card, line, middle + round((38 + 24 * row) * unit), 0.5 * unit, ASH, 1)
    return card


def draw_hint(image: NDArray[np.uint8], text: str) -> None:
    """One small line along the top right, in place: for who looks on, no part of what is recorded."""
    cv2, unit = load_cv2(), _unit(*image.shape[:2])
    scale, margin = 0.5 * unit, max(2, round(6 * unit))
    (wide, tall), below = _text_size(text, scale, 1)
    left = max(0, image.shape[1] - wide - 2 * margin)
    _shade(image, left, 0, image.shape[1] - left, tall + below + 2 * margin)
    cv2.putText(image, text, (left + margin, margin + tall), cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, 1, cv2.LINE_AA)


@lru_cache(maxsize=512)
def _text_size(text: str, scale: float, thickness: int) -> tuple[tuple[int, int], int]:
    """(width, height), and what hangs below the line; OpenCV 5 takes 0.05 ms to tell, and words repeat."""
    cv2 = load_cv2()
    (wide, tall), below = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    return (wide, tall), below


def _unit(height: int, width: int) -> float:
    """How much larger than on a picture of the reference height."""
    return max(0.35, min(height / REFERENCE_HEIGHT, width / 360))


def _draw_centred(
    cv2: Any, image: NDArray[np.uint8], text: str, baseline: int, scale: float, colour: tuple[int, ...], thickness: int
) -> None:
    (wide, _), _ = _text_size(text, scale, thickness)
    where = (max(0, (image.shape[1] - wide) // 2), baseline)
    cv2.putText(image, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)


def _draw_box(image: NDArray[np.uint8], box: Box, line: int) -> None:
    """A white line with a dark rim on both sides; filled slices cost a twentieth of thick lines."""
    part = image[box.top : box.top + box.height, box.left : box.left + box.width]
    profile = _profile(line)
    thick = len(profile)
    if min(part.shape[:2]) <= 2 * thick:
        return  # a frame would hide what it frames
    part[:, :thick] = part[:, -thick:] = profile  # a column touches every row of the picture: once, not once a shade
    inner = part[1:-1, 1:-1]
    part[0] = part[-1] = 0
    inner[: thick - 2] = inner[2 - thick :] = 255
    inside = part[thick - 1 : 1 - thick, thick - 1 : 1 - thick]
    inside[0] = inside[-1] = 0


@lru_cache(maxsize=8)
def _profile(line: int) -> NDArray[np.uint8]:
    """Across a line: (line + 2, 3), dark at both ends."""
    profile = np.full((line + 2, 3), 255, np.uint8)
    profile[[0, -1]] = 0
    return profile


def _draw_vitals(cv2: Any, image: NDArray[np.uint8], text: str, unit: float) -> None:
    """Small, bottom right; left out where the picture is too narrow for it beside the bars."""
    height, width = image.shape[:2]
    scale, margin = 0.4 * unit, max(2, round(5 * unit))
    (wide, tall), below = _text_size(text, scale, 1)
    left, top = width - wide - 2 * margin, height - tall - below - 2 * margin
    if left < round(190 * unit):
        return
    _shade(image, left, top, wide + 2 * margin, height - top)
    _lay(cv2, image, left, top, _words((text,), scale, 1, (margin, margin + tall), 0, (height - top, width - left)))


def _draw_headline(cv2: Any, image: NDArray[np.uint8], text: str, unit: float) -> None:
    width = image.shape[1]
    scale, thickness = 1.0 * unit, max(1, round(2 * unit))
    (text_width, text_height), below = _text_size(text, scale, thickness)
    margin = max(2, round(8 * unit))
    if text_width > width - 2 * margin:  # a long label on a narrow picture
        scale *= (width - 2 * margin) / text_width
        (text_width, text_height), below = _text_size(text, scale, thickness)
    plate = text_height + below + 2 * margin, min(width, text_width + 2 * margin)
    _shade(image, 0, 0, plate[1], plate[0])
    _lay(cv2, image, 0, 0, _words((text,), scale, thickness, (margin, margin + text_height), 0, plate))


def _draw_bars(cv2: Any, image: NDArray[np.uint8], result: Result, unit: float) -> None:
    """One row a label, from the bottom up: name, score as a bar; green where it was decided."""
    height, width = image.shape[:2]
    row, scale = max(8, round(20 * unit)), 0.5 * unit
    name_width = round(70 * unit)
    plate_width = min(width, round(190 * unit))
    rows = min(len(result.labels), max(0, height // 2 // row))  # never more than half of the picture
    if rows == 0:
        return
    top = height - rows * row
    scores = result.smoothed.tolist()
    shown: range | list[int] = range(len(scores))
    if rows < len(scores):
        shown = sorted(sorted(shown, key=lambda i: -scores[i])[:rows])
    names = tuple(result.labels[i] for i in shown)
    _shade(image, 0, top, plate_width, rows * row)
    origin = (round(4 * unit), round(0.72 * row))
    _lay(cv2, image, 0, top, _words(names, scale, 1, origin, row, (rows * row, plate_width)))
    for place, i in enumerate(shown):
        y = top + place * row
        length = round(scores[i] * (plate_width - name_width - 4))
        if length > 0:
            colour = GREEN if result.labels[i] in result.decision.labels else GREY
            cv2.rectangle(image, (name_width, y + row // 4), (name_width + length, y + row - row // 4), colour, -1)


@lru_cache(maxsize=64)
def _words(
    lines: tuple[str, ...], scale: float, thickness: int, origin: tuple[int, int], row: int, size: tuple[int, int]
) -> NDArray[np.uint8]:
    """White words on black, (height, width, 3): drawn once, laid on frames for as long as they are said."""
    cv2 = load_cv2()
    plate = np.zeros((max(1, size[0]), max(1, size[1]), 3), np.uint8)
    for place, text in enumerate(lines):
        where = (origin[0], origin[1] + place * row)
        cv2.putText(plate, text, where, cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, thickness, cv2.LINE_AA)
    return plate


def _lay(cv2: Any, image: NDArray[np.uint8], left: int, top: int, words: NDArray[np.uint8]) -> None:
    """Lay words on a darkened part of the picture, in place."""
    part = image[top : top + words.shape[0], left : left + words.shape[1]]
    cv2.max(part, words[: part.shape[0], : part.shape[1]], dst=part)


def _shade(image: NDArray[np.uint8], left: int, top: int, width: int, height: int) -> None:
    """Darken a rectangle in place, so that white text reads on any picture."""
    part = image[top : top + height, left : left + width]
    load_cv2().convertScaleAbs(part, part, PLATE_SHADE)
