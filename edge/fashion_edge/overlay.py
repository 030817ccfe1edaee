"""Annotations on a frame: region of interest, decision, scores by group, and of a live source frame rate and age."""

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from fashion_edge.frame import Box
from fashion_edge.opencv import cv2
from fashion_edge.result import Result

WHITE, ASH = (255, 255, 255), (196, 200, 204)  # B, G, R of text
GREEN, GREY, TRACK = (120, 205, 95), (150, 154, 158), (84, 86, 88)  # of bars
NIGHT = (25, 26, 27)  # card without a picture
SHADE = 2  # bits: text stands on a quarter of the picture's brightness; a shift takes half as long as a multiplication
REFERENCE_HEIGHT = 480  # pixels; sizes are for this height and scale with it
REFERENCE_WIDTH = 360  # pixels; narrower pictures have smaller text
MAX_SIDE = 1920  # pixels: a thin strip is not enlarged beyond this
MIN_SIDE = 360  # pixels of the shorter side: on smaller pictures text would hide the content
COMPACT_ROWS = 4  # while nothing is decided
CAP = 21  # pixels: height of a capital at scale 1

Colour = tuple[int, int, int]  # B, G, R
Area = tuple[slice, slice]  # rows and columns of a picture, made once: a slice takes a tenth of a microsecond
Rows = tuple[tuple[tuple[int, float], ...], ...]  # by group: place of a label and its threshold


@dataclass(frozen=True, eq=False, slots=True)
class Plate:
    """A block of text at a fixed place, inside the pictures it was made for."""

    left: int
    top: int
    words: NDArray[np.uint8]  # (height, width, 3), on black

    def draw(self, image: NDArray[np.uint8]) -> None:
        """Darken the picture under the text, all channels alike so that its hue stays, and draw the text, in place."""
        height, width = self.words.shape[:2]
        part = image[self.top : self.top + height, self.left : self.left + width]
        np.right_shift(part, SHADE, part)
        cv2.max(part, self.words, part)


@dataclass(frozen=True, eq=False, slots=True)
class BarRow:
    """One label on the panel; pixels."""

    place: int  # of the label in the scores
    where: Area
    words: NDArray[np.uint8]  # (height, width, 3), on black: the name
    bar: tuple[int, int, int, int]  # left, top in the row, length of a full one, thickness
    mark: tuple[int, int]  # distance of the threshold from the left of the bar, and thickness
    margin: int
    scale: float  # of the text
    decided: bool


@dataclass(frozen=True, eq=False, slots=True)
class Panel:
    """The decision in the top left corner, and below it a row for each label; the picture behind is darkened."""

    shaded: tuple[Area, ...]  # one where both are equally wide
    words: NDArray[np.uint8]  # (height, width, 3), on black: the decision, and space for the rows
    rows: tuple[BarRow, ...]

    def draw(self, image: NDArray[np.uint8], percents: Sequence[int]) -> None:
        """Draw on a picture of the size it was made for, in place."""
        for where in self.shaded:
            part = image[where]
            np.right_shift(part, SHADE, part)
        words = compose(self, tuple([percents[row.place] for row in self.rows]))
        part = image[: words.shape[0], : words.shape[1]]
        cv2.max(part, words, part)


@lru_cache(maxsize=8)  # 0.5 MB for 640 x 480, 11 MB for 4K
def compose(panel: Panel, percents: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return decision and rows with their values, (height, width, 3), on black; drawn in one call, not in seven."""
    words = panel.words.copy()
    for row, percent in zip(panel.rows, percents, strict=True):
        words[row.where] = strip(row, percent)
    return words


@lru_cache(maxsize=128)  # 0.8 MB for 640 x 480, 16 MB for 4K
def strip(row: BarRow, percent: int) -> NDArray[np.uint8]:
    """Return a row with its name, bar, threshold mark and value, (height, width, 3), on black."""
    words, colour = row.words.copy(), WHITE if row.decided else ASH
    (left, top, length, thick), (mark, line) = row.bar, row.mark
    bar = words[top : top + thick, left : left + length]
    bar[:] = TRACK
    bar[:, : (percent * length + 50) // 100] = GREEN if row.decided else GREY
    bar[:, max(0, mark - line) : mark + 2 * line] = 0  # sets the mark apart
    words[max(0, top - line) : top + thick + line, left + mark : left + mark + line] = WHITE
    text, (height, width) = f"{percent}%", words.shape[:2]
    where = width - row.margin - text_width(text, row.scale), baseline(height, row.scale)
    return write(words, text, where, row.scale, colour)


def draw_result(result: Result) -> None:
    """Draw on `result.frame.image` in place; legible on any background and at any resolution."""
    image, box, decision, space = result.frame.image, result.box, result.decision, result.space
    height, width = image.shape[:2]
    if (box.width, box.height) != (width, height):
        _draw_box(image, box, max(1, round(1.5 * unit_of(height, width))))
    percents = [int(100 * score + 0.5) for score in result.smoothed_array.tolist()]
    rows = choose_rows(space.rules, percents, decision.labels != (), most_rows(height, width))
    panel(decision.text, decision.labels, space.labels, rows, height, width).draw(image, percents)
    if result.vitals is not None and result.frame.stream_at is None:  # a file has no age, and a rate of its own
        _plate(result.vitals.describe(), 0.4, height, width, bottom=True).draw(image)


def choose_rows(rules: Rows, percents: Sequence[int], decided: bool, most: int) -> Rows:
    """Return all rows by group, or the best of each group while nothing is decided; at most the `most` best."""
    if not decided:
        rules = tuple([(max(rule, key=lambda pair: percents[pair[0]]),) for rule in rules])
        most = min(most, COMPACT_ROWS)
    if sum(map(len, rules)) <= most:
        return rules
    best = sorted(chain(*rules), key=lambda pair: -percents[pair[0]])[:most]
    return tuple([kept for rule in rules if (kept := tuple([pair for pair in rule if pair in best]))])


def unit_of(height: int, width: int) -> float:
    """Return the scale of text relative to a picture of the reference size."""
    return max(0.35, min(height / REFERENCE_HEIGHT, width / REFERENCE_WIDTH))


def most_rows(height: int, width: int) -> int:
    """Return how many rows cover less than half of the height, with the decision above them."""
    return max(0, int((height / unit_of(height, width) / 2 - 32) / 17))


@lru_cache(maxsize=16)
def panel(text: str, decided: tuple[str, ...], labels: tuple[str, ...], rows: Rows, height: int, width: int) -> Panel:
    """Return the panel of a decision for pictures of a size."""
    unit = unit_of(height, width)
    margin, tall, gap, length, thick = (max(2, round(part * unit)) for part in (6, 16, 5, 44, 5))
    small, line = 0.42 * unit, max(1, round(1.5 * unit))
    names = [shorten(labels[place], small, width // 4) for place, _ in chain(*rows)]
    left = 2 * margin + max([text_width(name, small) for name in names], default=0)
    wide = left + length + text_width("100%", small) + 2 * margin if names else 0
    if wide > width:
        return panel(text, decided, labels, (), height, width)
    head = headline(text, bool(decided), wide, height, width)
    bar, made = (left, (tall - thick) // 2, length, thick), []
    tops = row_tops(rows, len(head), tall, gap)
    for (place, threshold), name, top in zip(chain(*rows), names, tops, strict=True):
        chosen = labels[place] in decided
        words = np.zeros((tall, wide, 3), np.uint8)
        write(words, name, (margin, baseline(tall, small)), small, WHITE if chosen else ASH)
        mark = min(length - line, round(threshold * length)), line
        made.append(BarRow(place, area(top, top + tall, wide), words, bar, mark, margin, small, chosen))
    if not tops:
        return Panel((area(0, len(head), head.shape[1]),), head, ())
    words = np.zeros((tops[-1] + tall, head.shape[1], 3), np.uint8)
    words[: len(head)] = head
    bottom = tops[-1] + tall + margin // 2
    if head.shape[1] == wide:
        return Panel((area(0, bottom, wide),), words, tuple(made))
    return Panel((area(0, len(head), head.shape[1]), area(len(head), bottom, wide)), words, tuple(made))


def area(top: int, bottom: int, width: int) -> Area:
    """Return a part of a picture that begins at its left edge."""
    return slice(top, bottom), slice(0, width)


def headline(text: str, decided: bool, least: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return the decision on black, shrunk to the width of the picture; small and grey while nothing is decided."""
    unit = unit_of(height, width)
    scale, weight, colour = (0.8 * unit, max(1, round(2 * unit)), WHITE) if decided else (0.5 * unit, 1, ASH)
    margin = max(2, round(6 * unit))
    scale *= min(1.0, (width - 2 * margin) / max(1, text_width(text, scale, weight)))
    tall, wide = round(CAP * scale), text_width(text, scale, weight) + 2 * margin
    words = np.zeros((min(height, tall + 2 * margin), min(width, max(least, wide)), 3), np.uint8)
    return write(words, text, (margin, margin + tall), scale, colour, weight)


def row_tops(rows: Rows, top: int, row: int, gap: int) -> list[int]:
    """Return the top of each row, pixels; groups of several labels stand apart."""
    tops: list[int] = []
    several = False
    for group in rows:
        if tops and (several or len(group) > 1):
            top += gap
        several = len(group) > 1
        tops += [top + place * row for place in range(len(group))]
        top += len(group) * row
    return tops


def baseline(row: int, scale: float) -> int:
    """Return the distance from the top of a row to the baseline of its text, pixels."""
    return round((row + 0.85 * CAP * scale) / 2)


@lru_cache(maxsize=4)
def _plate(text: str, scale: float, height: int, width: int, *, bottom: bool) -> Plate:
    """Return small text for the right edge; a long one is cut off."""
    unit = unit_of(height, width)
    scale, margin = scale * unit, max(2, round(6 * unit))
    tall = round(CAP * scale) + 2 * margin
    words = np.zeros((min(height, tall), min(width, text_width(text, scale) + 2 * margin), 3), np.uint8)
    write(words, text, (margin, tall - margin), scale, WHITE)
    return Plate(width - words.shape[1], height - words.shape[0] if bottom else 0, words)


def drawable(text: str) -> str:
    """Return the text as this OpenCV can draw it: without accents before version 5, whose fonts have Unicode."""
    if text.isascii() or int(cv2.__version__.partition(".")[0]) >= 5:
        return text
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return plain.encode("ascii", "replace").decode()


def text_width(text: str, scale: float, thickness: int = 1) -> int:
    """Return the width of a text, pixels."""
    (wide, _), _ = cv2.getTextSize(drawable(text), cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    return int(wide)


def shorten(text: str, scale: float, most: int) -> str:
    """Return a text that is at most so many pixels wide."""
    kept, end = text, ""
    while len(kept) > 1 and text_width(kept + end, scale) > most:
        kept, end = kept[:-1], ".."
    return kept + end


def load_fonts() -> None:
    """Load the fonts now; else the first text that OpenCV draws takes 20 ms, or hundreds on a slow SD card."""
    text_width("?", 1.0)


def write(
    image: NDArray[np.uint8],
    text: str,
    where: tuple[int, int],
    scale: float,
    colour: Colour,
    thickness: int = 1,
) -> NDArray[np.uint8]:
    """Write one line in place, `where` its baseline begins, and return the image."""
    cv2.putText(image, drawable(text), where, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, thickness, cv2.LINE_AA)
    return image


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
    _write_centred(card, "NO SIGNAL", middle, 1.3 * unit, WHITE, max(1, round(2 * unit)))
    for row, line in enumerate(textwrap.wrap(detail, 44)[:4]):
        _write_centred(card, line, middle + round((38 + 24 * row) * unit), 0.5 * unit, ASH, 1)
    return card


def draw_hint(image: NDArray[np.uint8], text: str) -> None:
    """Draw one small line at the top right, in place: for viewers, not for recordings."""
    _plate(text, 0.5, *image.shape[:2], bottom=False).draw(image)


def _write_centred(
    image: NDArray[np.uint8], text: str, baseline: int, scale: float, colour: Colour, thickness: int
) -> None:
    left = max(0, (image.shape[1] - text_width(text, scale, thickness)) // 2)
    write(image, text, (left, baseline), scale, colour, thickness)


def _draw_box(image: NDArray[np.uint8], box: Box, line: int) -> None:
    """A white line with a dark rim on both sides; copies cost a twentieth of thick lines of OpenCV."""
    part = box.crop(image)
    across, down = _border(part.shape[1], line)
    thick = len(across)
    if min(part.shape[:2]) <= 2 * thick:
        return  # a frame would hide its content
    for side in (part[:, :thick], part[:, -thick:]):  # as one item a row: numbers would take 1.6 times as long
        side.reshape(len(part), -1).view(down.dtype)[:] = down
    part[:thick], part[-thick:] = across, across[::-1]


@lru_cache(maxsize=4)
def _border(width: int, line: int) -> tuple[NDArray[np.uint8], NDArray[np.void]]:
    """Return the upper edge with its corners, (line + 2, width, 3), and a row of a side, one item of its bytes."""
    across = np.zeros((line + 2, width, 3), np.uint8)
    for depth in range(1, line + 2):
        across[depth:, depth : width - depth] = WHITE if depth <= line else 0
    side = np.repeat(np.array([0, *[255] * line, 0], np.uint8), 3)
    return across, side.view(f"V{side.size}")
