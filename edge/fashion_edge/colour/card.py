"""The colour card: twelve known colours between four markers by which it is found in a picture."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_file
from fashion_edge.errors import UsageError
from fashion_edge.opencv import load_cv2

WIDTH, HEIGHT = 1120, 800  # units of the card; a pixel each where it is looked at
MARKER, EDGE = 160, 40
PATCH_W, PATCH_H, LEFT, TOP, GAP = 160, 200, 240, 100, 8
DPI = 150
PRINT_SCALE = 1.5  # 1680 x 1200 pixels: 28 x 20 cm, fits A4
COLOURS = {  # name -> R, G, B; inks reach these
    "red": (200, 35, 40),
    "green": (40, 150, 70),
    "blue": (40, 65, 170),
    "white": (255, 255, 255),
    "yellow": (235, 205, 40),
    "magenta": (190, 60, 140),
    "cyan": (45, 150, 190),
    "light grey": (190, 190, 190),
    "orange": (225, 120, 40),
    "purple": (95, 60, 130),
    "dark grey": (90, 90, 90),
    "black": (25, 25, 25),
}
NEUTRAL = ("light grey", "dark grey")  # white may be clipped
COLOURED = tuple(name for name in COLOURS if name not in (*NEUTRAL, "white", "black"))
CORNERS = ((EDGE, EDGE), (WIDTH - EDGE - MARKER, EDGE), (EDGE, HEIGHT - EDGE - MARKER))
MARKERS = (*CORNERS, (WIDTH - EDGE - MARKER, HEIGHT - EDGE - MARKER))  # left, top of marker 0..3


def patch_box(index: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a patch in units of the card; patches stand in the order of `COLOURS`."""
    left, top = LEFT + index % 4 * PATCH_W, TOP + index // 4 * PATCH_H
    return left + GAP, top + GAP, left + PATCH_W - GAP, top + PATCH_H - GAP


def dictionary(cv2: Any) -> Any:
    """The family of markers."""
    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)


def draw_card(scale: float = 1.0) -> NDArray[np.uint8]:
    """The card (h, w, 3) B, G, R."""
    cv2 = load_cv2()
    card = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for number, (left, top) in enumerate(MARKERS):
        marker = cv2.aruco.generateImageMarker(dictionary(cv2), number, MARKER)
        card[top : top + MARKER, left : left + MARKER] = marker[:, :, None]
    for index, (name, (red, green, blue)) in enumerate(COLOURS.items()):
        left, top, right, bottom = patch_box(index)
        card[top:bottom, left:right] = (blue, green, red)
        if name == "white":
            cv2.rectangle(card, (left, top), (right - 1, bottom - 1), (0, 0, 0), 2)
    words = "fashion-edge colour card: print on matt paper without colour correction"
    cv2.putText(card, words, (LEFT, HEIGHT - 45), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    if scale == 1.0:
        return card
    size = (round(WIDTH * scale), round(HEIGHT * scale))
    return cv2.resize(card, size, interpolation=cv2.INTER_NEAREST)  # type: ignore[no-any-return]


def print_card(path: Path, *, overwrite: bool = False) -> str:
    """Write the card as a PNG that knows its size on paper; returns a line about it.

    Raises:
        UsageError: the name does not end in .png.
        OutputExistsError: it is there already.
    """
    from PIL import Image

    if path.suffix.lower() != ".png":
        raise UsageError(f"--print-colour-card {path} must end in .png")
    rgb = np.ascontiguousarray(draw_card(PRINT_SCALE)[:, :, ::-1])
    with atomic_file(path, overwrite=overwrite) as part:
        Image.fromarray(rgb).save(part, dpi=(DPI, DPI))
    return f"{path}: print it at 100 % (28 x 20 cm), then fashion-edge --colour-card --camera 0"
