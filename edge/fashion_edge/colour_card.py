"""The printed colour card, and what it shows of a camera: channel order, missing colour, a cast, drift."""

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fashion_edge.atomic import atomic_file
from fashion_edge.errors import UsageError
from fashion_edge.opencv import cv2

WIDTH, HEIGHT = 1120, 800  # units of the card, and pixels where it is read
MARKER, EDGE = 160, 40
PATCH_W, PATCH_H, LEFT, TOP, GAP = 160, 200, 240, 100, 8
DPI = 150
PRINT_SCALE = 1.5  # 1680 x 1200 pixels: 28 x 20 cm, fits A4
COLOURS = {  # name -> R, G, B, within the range of printer inks
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
MARKERS = tuple((x, y) for y in (EDGE, HEIGHT - EDGE - MARKER) for x in (EDGE, WIDTH - EDGE - MARKER))  # left, top
NEEDED = 3  # of four markers: one may be covered by a thumb
GREY_CHROMA = 20.0  # of 255: coloured patches below this on average are grey
CAST = 0.12  # largest deviation of red or blue from green on neutral patches
DRIFT = 0.05  # change of that between the first and the last fifth of the readings
DARK, BRIGHT = 50.0, 252.0  # of the light grey patch
CHANNELS = ("blue", "green", "red")
REFERENCE = np.array([colour[::-1] for colour in COLOURS.values()], np.float64)  # (12, 3) B, G, R
IS_NEUTRAL = np.array([name in NEUTRAL for name in COLOURS])
IS_COLOURED = np.array([name not in (*NEUTRAL, "white", "black") for name in COLOURS])
LIGHT = list(COLOURS).index("light grey")
Patches = NDArray[np.float64]  # (12, 3) B, G, R, 0..255: the colours of a card, in the order of `COLOURS`


def _patch_box(index: int) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a patch in units of the card; patches are in the order of `COLOURS`."""
    left, top = LEFT + index % 4 * PATCH_W, TOP + index // 4 * PATCH_H
    return left + GAP, top + GAP, left + PATCH_W - GAP, top + PATCH_H - GAP


def _markers() -> Any:
    return cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)


def draw_card() -> NDArray[np.uint8]:
    """The card (h, w, 3) B, G, R."""
    card = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    for number, (left, top) in enumerate(MARKERS):
        marker = cv2.aruco.generateImageMarker(_markers(), number, MARKER)
        card[top : top + MARKER, left : left + MARKER] = marker[:, :, None]
    for index, (name, (red, green, blue)) in enumerate(COLOURS.items()):
        left, top, right, bottom = _patch_box(index)
        card[top:bottom, left:right] = (blue, green, red)
        if name == "white":
            cv2.rectangle(card, (left, top), (right - 1, bottom - 1), (0, 0, 0), 2)
    words = "fashion-edge colour card: print on matt paper without colour correction"
    cv2.putText(card, words, (LEFT, HEIGHT - 45), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 0, 0), 1, cv2.LINE_AA)
    return card


def print_card(path: Path, *, overwrite: bool = False) -> str:
    """Write the card as a PNG with its size on paper; returns a message about it."""
    from PIL import Image

    if path.suffix.lower() != ".png":
        raise UsageError(f"--print-colour-card {path} must end in .png")
    rgb = cv2.cvtColor(draw_card(), cv2.COLOR_BGR2RGB)
    rgb = cv2.resize(rgb, None, fx=PRINT_SCALE, fy=PRINT_SCALE, interpolation=cv2.INTER_NEAREST)
    with atomic_file(path, overwrite=overwrite) as part:
        Image.fromarray(rgb).save(part, dpi=(DPI, DPI))
    return f"{path}: print it at 100 % (28 x 20 cm), then fashion-edge --colour-card --camera 0"


def read_colour_card(image: NDArray[np.uint8]) -> Patches | None:
    """Find the card in a picture (h, w, 3) B, G, R and read it; None if it is not visible."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found, numbers, _ = cv2.aruco.ArucoDetector(_markers()).detectMarkers(grey)
    if numbers is None:
        return None
    seen = {int(number): corners.reshape(4, 2) for number, corners in zip(numbers.ravel(), found, strict=True)}
    ours = sorted(set(seen) & set(range(len(MARKERS))))
    if len(ours) < NEEDED:
        return None
    there = np.concatenate([seen[number] for number in ours]).astype(np.float32)
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (MARKER - 1)
    here = np.concatenate([square + MARKERS[number] for number in ours]).astype(np.float32)
    matrix, _ = cv2.findHomography(there, here)
    if matrix is None:
        return None
    flat = cv2.warpPerspective(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    return np.array([_median(flat, index) for index in range(len(COLOURS))])


def _median(flat: NDArray[np.uint8], index: int) -> NDArray[np.float64]:
    """Median of the middle of a patch: its edges mix with its neighbours."""
    left, top, right, bottom = _patch_box(index)
    rim_x, rim_y = (right - left) // 4, (bottom - top) // 4
    inner = flat[top + rim_y : bottom - rim_y, left + rim_x : right - rim_x]
    middle: NDArray[np.float64] = np.median(inner.reshape(-1, 3), axis=0)
    return middle


class CardFinding(NamedTuple):
    """One result of the check."""

    good: bool
    text: str


def evaluate_card(readings: Sequence[Patches]) -> list[CardFinding]:
    """Evaluate readings of the card over some time, oldest first.

    Pictures that are too dark or bright, grey, or have swapped channels are one finding: the others would mean nothing.
    """
    middle: Patches = np.median(readings, axis=0)
    if problem := _find_unusable(middle):
        return [CardFinding(False, problem)]
    return [CardFinding(True, "red, green and blue arrive as such"), _check_cast(middle), *_check_drift(readings)]


def _find_unusable(patches: Patches) -> str | None:
    light = patches[LIGHT]  # white may be clipped
    if light.max() < DARK:
        return f"too dark to evaluate: light grey arrives as {light.max():.0f}; more light"
    if light.min() > BRIGHT:
        return "too bright to evaluate: light grey is clipped; less light, or turn the card"
    balanced = (patches / np.maximum(light, 1.0) * REFERENCE[LIGHT]).clip(0, 255)[IS_COLOURED]
    if np.ptp(balanced, axis=1).mean() < GREY_CHROMA:
        return "the pictures are grey: no colour label means anything (night mode, infrared?)"
    printed = REFERENCE[IS_COLOURED]
    order = min(permutations(range(3)), key=lambda order: float(np.abs(balanced[:, order] - printed).mean()))
    pairs = [f"{CHANNELS[i]} arrives as {CHANNELS[at]}" for i, at in enumerate(order) if i != at]
    return f"channels are swapped: {', '.join(pairs)}" if pairs else None


def _balance(patches: Patches) -> NDArray[np.float64]:
    """Blue and red relative to green, over the neutral patches; 1, 1 is neutral."""
    blue, green, red = patches[IS_NEUTRAL].sum(axis=0) + 1e-9
    return np.array([blue / green, red / green])


def _check_cast(patches: Patches) -> CardFinding:
    blue, red = _balance(patches)
    figures = f"red {red:.2f}, blue {blue:.2f} of green"
    if max(abs(red - 1), abs(blue - 1)) <= CAST:
        return CardFinding(True, f"white balance is neutral: {figures}")
    advice = f"(within {CAST:g} of 1 is right); set --awb, or the light's mode"
    return CardFinding(False, f"a colour cast: {figures} {advice}")


def _check_drift(readings: Sequence[Patches]) -> list[CardFinding]:
    if len(readings) < 5:
        return []
    balances, fifth = np.array([_balance(patches) for patches in readings]), len(readings) // 5
    change = 100 * float(np.abs(balances[-fifth:].mean(axis=0) / balances[:fifth].mean(axis=0) - 1).max())
    if change <= 100 * DRIFT:
        return [CardFinding(True, f"white balance is stable: {change:.1f} % over {len(readings)} pictures")]
    return [CardFinding(False, f"white balance drifts: {change:.0f} % over {len(readings)} pictures; lock it")]
