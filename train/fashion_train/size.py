"""Height and width of a network's input and of the pictures that are drawn for it."""

import re

from fashion_edge.errors import UsageError

Size = tuple[int, int]  # height, width; pixels
SMALLEST, LARGEST = 32, 512  # pixels a side


def parse_size(text: str) -> Size:
    """Read `96`, a square, or `96x120`, width by height as of a camera's pictures.

    Raises:
        UsageError: anything else, or a side outside 32..512 pixels.
    """
    sides = text.lower().split("x")
    if not (1 <= len(sides) <= 2 and all(re.fullmatch("[0-9]{1,9}", side) for side in sides)):
        raise UsageError(f"--size {text!r:.60} is neither a number of pixels, as 96, nor WIDTHxHEIGHT, as 96x120")
    width, height = int(sides[0]), int(sides[-1])
    if not all(SMALLEST <= side <= LARGEST for side in (height, width)):
        raise UsageError(f"--size {text} leaves {SMALLEST}..{LARGEST} pixels a side; 96 or 96x120 works")
    return height, width


def scaled(size: Size, factor: float) -> Size:
    """A size this many times as large, to the nearest pixel."""
    return round(size[0] * factor), round(size[1] * factor)
