import cv2
import numpy as np
import pytest

from fashion_edge.errors import SourceError
from fashion_edge.sources.picamera import FORMATS, to_bgr

CARD = np.zeros((16, 24, 3), np.uint8)
CARD[:, :8], CARD[:, 8:16], CARD[:, 16:] = (0, 0, 255), (0, 255, 0), (255, 0, 0)  # red, green, blue


def pack(card: np.ndarray, layout: str, padding: int = 0) -> tuple[np.ndarray, int]:
    """The bytes that libcamera would give for a card; each row padded."""
    height, width = card.shape[:2]
    if layout in ("RGB888", "BGR888"):
        rows = card if layout == "RGB888" else card[:, :, ::-1]
    elif layout in ("XRGB8888", "XBGR8888"):
        colours = card if layout == "XRGB8888" else card[:, :, ::-1]
        rows = np.dstack([colours, np.full((height, width), 255, np.uint8)])
    else:
        if layout in ("YUV420", "YVU420"):  # rows of chroma are half as long, and so is their padding
            card, padding = np.pad(card, ((0, 0), (0, padding), (0, 0))), 0
        planar = cv2.cvtColor(card, cv2.COLOR_BGR2YUV_YV12 if layout == "YVU420" else cv2.COLOR_BGR2YUV_I420)
        if layout in ("NV12", "NV21"):
            u, v = planar[height:].reshape(2, -1)
            planar[height:] = np.stack([u, v] if layout == "NV12" else [v, u], axis=-1).reshape(height // 2, width)
        rows = planar
    flat = rows.reshape(len(rows), -1)
    padded = np.pad(flat, ((0, 0), (0, padding)))
    return padded.ravel(), padded.shape[1]


@pytest.mark.parametrize("layout", FORMATS)
@pytest.mark.parametrize("padding", [0, 8])
def test_red_stays_red_in_every_format_and_with_padded_rows(layout: str, padding: int) -> None:
    buffer, stride = pack(CARD, layout, padding)
    image = to_bgr(buffer, layout, (24, 16), stride)
    assert image.shape == (16, 24, 3)
    assert image.flags.c_contiguous
    assert np.abs(image.astype(int) - CARD).max() <= 6  # 4:2:0 and its rounding


def test_an_unknown_format_and_a_short_buffer_are_refused() -> None:
    with pytest.raises(SourceError, match="gives SRGGB10, not one of RGB888"):
        to_bgr(np.zeros(100, np.uint8), "SRGGB10", (24, 16), 24)
    with pytest.raises(SourceError, match="gave 100 bytes, RGB888 of 24x16 needs 1152"):
        to_bgr(np.zeros(100, np.uint8), "RGB888", (24, 16), 72)
