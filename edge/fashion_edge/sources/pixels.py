"""Camera buffers to frames: libcamera's pixel formats, whose names read from the highest byte down, to B, G, R.

libcamera and DRM call `RGB888` what lies in memory as B, G, R, and `BGR888` what lies as R, G, B: taking the names at
their word swaps red and blue (DRM's drm_fourcc.h; picamera2 manual, appendix A).
"""

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import SourceError
from fashion_edge.opencv import load_cv2

PACKED = {"RGB888": 3, "BGR888": 3, "XRGB8888": 4, "XBGR8888": 4}  # bytes a pixel
CODES = {  # names of OpenCV's conversions
    "BGR888": "COLOR_RGB2BGR",
    "XRGB8888": "COLOR_BGRA2BGR",
    "XBGR8888": "COLOR_RGBA2BGR",
    "NV12": "COLOR_YUV2BGR_NV12",
    "NV21": "COLOR_YUV2BGR_NV21",
    "YUV420": "COLOR_YUV2BGR_I420",
    "YVU420": "COLOR_YUV2BGR_YV12",
}
FORMATS = ("RGB888", *CODES)


def to_bgr(buffer: NDArray[np.uint8], layout: str, size: tuple[int, int], stride: int) -> NDArray[np.uint8]:
    """Make a frame (h, w, 3) B, G, R of a camera's buffer.

    Args:
        buffer: the bytes, in one dimension; the result may share them.
        layout: one of `FORMATS`.
        size: width and height in pixels.
        stride: bytes from one row to the next, padding included.

    Raises:
        SourceError: a format that is none of these, or a buffer too short for it.
    """
    width, height = size
    if layout not in FORMATS:
        raise SourceError(f"the camera gives {layout}, which is none of {', '.join(FORMATS)}")
    rows = height if layout in PACKED else height * 3 // 2
    if buffer.size < rows * stride:
        raise SourceError(f"the camera gave {buffer.size} bytes, {layout} of {width}x{height} needs {rows * stride}")
    image: NDArray[np.uint8] = buffer[: rows * stride].reshape(rows, stride)
    if layout in PACKED:
        depth = PACKED[layout]
        image = image[:, : width * depth].reshape(height, width, depth)
    if layout == "RGB888":
        return np.ascontiguousarray(image)
    cv2 = load_cv2()
    bgr: NDArray[np.uint8] = cv2.cvtColor(np.ascontiguousarray(image), getattr(cv2, CODES[layout]))
    return bgr if bgr.shape[1] == width else np.ascontiguousarray(bgr[:, :width])
