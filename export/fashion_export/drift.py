"""A picture of score drift: Keras' score across, the variant's score up, one panel a variant, one dot a decision."""

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_export.outcome import Artefact, Outcome

SIDE, EDGE, HEAD = 200, 16, 24  # pixels: the plot's square, its margin, its title
PAPER, INK, LINE, DOT = 255, (40, 40, 40), (200, 200, 200), (160, 80, 20)  # B, G, R


def drift_picture(outcome: Outcome) -> bytes:
    """The bytes of a PNG; on the diagonal means no drift."""
    cv2 = load_cv2()
    panels = [_panel(outcome.reference, artefact) for artefact in outcome.artefacts]
    _, data = cv2.imencode(".png", np.hstack(panels), [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return bytes(data)


def _panel(reference: NDArray[np.float32], artefact: Artefact) -> NDArray[np.uint8]:
    cv2 = load_cv2()
    image = np.full((HEAD + SIDE + EDGE, SIDE + 2 * EDGE, 3), PAPER, np.uint8)
    left, top, right, bottom = EDGE, HEAD, EDGE + SIDE, HEAD + SIDE
    cv2.line(image, (left, bottom), (right, top), LINE, 1)
    cv2.rectangle(image, (left, top), (right, bottom), LINE, 1)
    across = (left + reference.ravel() * SIDE).round().astype(int)
    up = (bottom - artefact.scores.ravel() * SIDE).round().astype(int)
    for x, y in {*zip(across.tolist(), up.tolist(), strict=True)}:
        cv2.circle(image, (x, y), 1, DOT, -1)
    cv2.putText(image, artefact.recipe.name, (EDGE, HEAD - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, INK, 1, cv2.LINE_AA)
    return image
