"""Finding the card in a picture, and reading its colours."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fashion_edge.colour.card import COLOURS, HEIGHT, MARKER, MARKERS, NEUTRAL, WIDTH, dictionary, patch_box
from fashion_edge.opencv import load_cv2

NEEDED = 3  # of four markers: one may be covered by a thumb
REFERENCE = np.array([colour[::-1] for colour in COLOURS.values()], np.float64)  # (12, 3) B, G, R
IS_NEUTRAL = np.array([name in NEUTRAL for name in COLOURS])


@dataclass(frozen=True)
class Reading:
    """Colours of the patches as a camera gave them."""

    patches: NDArray[np.float64]  # (12, 3) B, G, R, 0..255, in the order of `COLOURS`

    @property
    def light(self) -> NDArray[np.float64]:
        """(3,) B, G, R of the light grey patch: white may be clipped."""
        patch: NDArray[np.float64] = self.patches[list(COLOURS).index("light grey")]
        return patch

    @property
    def balance(self) -> tuple[float, float]:
        """Red and blue against green, over the neutral patches; 1, 1 is neutral."""
        blue, green, red = self.patches[IS_NEUTRAL].sum(axis=0) + 1e-9
        return float(red / green), float(blue / green)


def read_card(image: NDArray[np.uint8]) -> Reading | None:
    """Find the card in a picture (h, w, 3) B, G, R and read it; None where it is not in sight."""
    cv2 = load_cv2()
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    found, numbers, _ = cv2.aruco.ArucoDetector(dictionary(cv2)).detectMarkers(grey)
    if numbers is None:
        return None
    seen = {int(number): corners.reshape(4, 2) for number, corners in zip(numbers.ravel(), found, strict=True)}
    ours = sorted(set(seen) & set(range(len(MARKERS))))
    if len(ours) < NEEDED:
        return None
    there = np.concatenate([seen[number] for number in ours]).astype(np.float32)
    here = np.concatenate([_corners(number) for number in ours])
    matrix, _ = cv2.findHomography(there, here)
    if matrix is None:
        return None
    flat = cv2.warpPerspective(image, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR)
    return Reading(np.array([_median(flat, index) for index in range(len(COLOURS))]))


def _corners(number: int) -> NDArray[np.float32]:
    left, top = MARKERS[number]
    right, bottom = left + MARKER - 1, top + MARKER - 1
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)], np.float32)


def _median(flat: NDArray[np.uint8], index: int) -> NDArray[np.float64]:
    """Of the middle of a patch: its rim takes on its neighbours' colours."""
    left, top, right, bottom = patch_box(index)
    rim_x, rim_y = (right - left) // 4, (bottom - top) // 4
    inner = flat[top + rim_y : bottom - rim_y, left + rim_x : right - rim_x]
    middle: NDArray[np.float64] = np.median(inner.reshape(-1, 3), axis=0)
    return middle
