"""Contact sheets: small pictures with a line of text under each. For the run folder only: they show the data set."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_train.size import scaled

CELL, GAP, TEXT, COLUMNS = 144, 4, 32, 8  # pixels, pixels, pixels, pictures a row
INK, PAPER = (36, 31, 27), 255


def write_sheet(path: Path, pictures: Sequence[NDArray[np.uint8]], captions: Sequence[tuple[str, str]]) -> None:
    """Write pictures (h, w, 3) uint8 RGB, as wide as they are high or not, with two lines of text each as a PNG."""
    cv2 = load_cv2()
    rows = -(-len(pictures) // COLUMNS)
    sheet = np.full((rows * (CELL + TEXT), min(len(pictures), COLUMNS) * CELL, 3), PAPER, np.uint8)
    for number, (picture, lines) in enumerate(zip(pictures, captions, strict=True)):
        top, left = number // COLUMNS * (CELL + TEXT), number % COLUMNS * CELL
        height, width = scaled(picture.shape[:2], (CELL - GAP) / max(picture.shape))
        small = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
        sheet[top : top + height, left : left + width] = small[:, :, ::-1]
        for line, text in enumerate(lines):
            at = (left + 1, top + CELL + 7 + 14 * line)
            cv2.putText(sheet, text[:24], at, cv2.FONT_HERSHEY_SIMPLEX, 0.36, INK, 1, cv2.LINE_AA)
    cv2.imwrite(str(path), sheet)
