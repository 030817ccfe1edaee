"""What is drawn on a frame: where the classifier looked, what it says, a bar for each label, how the loop is doing."""

import textwrap
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_edge.plate import WHITE, bar_rows, corner, headline, hint, row_height, text_size, unit_of
from fashion_edge.result import Result
from fashion_edge.roi import Box

GREY, GREEN = (170, 170, 170), (90, 200, 90)
NIGHT, ASH = (25, 26, 27), (142, 146, 150)  # of the card without a picture
LONGEST = 1920  # pixels: a thin strip is not enlarged beyond
SMALLEST = 360  # pixels of the shorter side: below, words would hide the picture


def draw_result(result: Result) -> None:
    """Draw on `result.frame.image` in place; legible on any background and at any resolution."""
    image, box = result.frame.image, result.box
    height, width = image.shape[:2]
    if (box.width, box.height) != (width, height):
        _draw_box(image, box, max(1, round(2 * unit_of(height, width))))
    headline(result.decision.text, height, width).lay(image)
    _draw_bars(image, result)
    if result.vitals is not None and (plate := corner(result.vitals.describe(), height, width)):
        plate.lay(image)


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
    cv2, unit = load_cv2(), unit_of(height, width)
    card = np.full((height, width, 3), NIGHT, np.uint8)
    middle = height // 2
    _draw_centred(cv2, card, "NO SIGNAL", middle, 1.3 * unit, WHITE, max(1, round(2 * unit)))
    plain = detail.encode("ascii", "replace").decode()
    for row, line in enumerate(textwrap.wrap(plain, 44)[:4]):
        _draw_centred(cv2, card, line, middle + round((38 + 24 * row) * unit), 0.5 * unit, ASH, 1)
    return card


def draw_hint(image: NDArray[np.uint8], text: str) -> None:
    """One small line along the top right, in place: for who looks on, no part of what is recorded."""
    hint(text, *image.shape[:2]).lay(image)


def _draw_centred(
    cv2: Any, image: NDArray[np.uint8], text: str, baseline: int, scale: float, colour: tuple[int, ...], thickness: int
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


def _draw_bars(image: NDArray[np.uint8], result: Result) -> None:
    """One row a label: name, score as a bar; green where it was decided."""
    height, width = image.shape[:2]
    scores, labels, decided = result.smoothed.tolist(), result.labels, result.decision.labels
    most = height // 2 // row_height(unit_of(height, width))  # never more than half of the picture
    if most == 0:
        return
    if most < len(labels):
        best = sorted(sorted(range(len(labels)), key=lambda i: -scores[i])[:most])
        scores, labels = [scores[i] for i in best], tuple(labels[i] for i in best)
    rows, rectangle = bar_rows(labels, height, width), load_cv2().rectangle
    rows.plate.lay(image)
    for place, (label, score) in enumerate(zip(labels, scores, strict=True)):
        if span := rows.span(place, score):
            rectangle(image, *span, GREEN if label in decided else GREY, -1)
