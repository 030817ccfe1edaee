"""One picture for the page: encoded when the first client wants it, and once for all of them."""

import json
import struct
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.opencv import load_cv2
from fashion_edge.overlay import draw_result, enlarge
from fashion_edge.result import Result, WallClock
from fashion_edge.sinks.web.state import describe_result

QUALITY = 80
STILL_QUALITY = 92
WIDEST = 1280  # pixels sent to a page; stills keep their size


class Picture:
    """A frame on which nothing is drawn, or the card that says there is none.

    Everything that costs time happens on first use, in the thread of the server.
    """

    def __init__(
        self,
        number: int,
        image: NDArray[np.uint8],
        at: float,
        source: dict[str, Any],
        result: Result | None,
        wall: WallClock,
    ) -> None:
        self.number = number  # grows by one a picture
        self.at = at  # monotonic seconds
        self.result = result  # None for a card
        self._image = image
        self._source = source
        self._wall = wall

    @cached_property
    def message(self) -> bytes:
        """For the page: length of the JSON (4 bytes, big-endian), the JSON, the JPEG."""
        result = describe_result(self.result, self._wall) if self.result else None
        head = json.dumps({"source": self._source, "result": result}, ensure_ascii=False).encode()
        return struct.pack(">I", len(head)) + head + self.jpeg

    @cached_property
    def jpeg(self) -> bytes:
        """The picture alone, at most `WIDEST` pixels wide."""
        image = self._image
        height, width = image.shape[:2]
        if width > WIDEST:
            cv2 = load_cv2()
            image = cv2.resize(image, (WIDEST, round(height * WIDEST / width)), interpolation=cv2.INTER_AREA)
        return encode(image, QUALITY)

    @cached_property
    def still(self) -> bytes:
        """Annotated as in a recording, in full size."""
        if self.result is None:
            return encode(self._image, STILL_QUALITY)
        shown = enlarge(replace(self.result, frame=replace(self.result.frame, image=self._image.copy())))
        draw_result(shown)
        return encode(shown.frame.image, STILL_QUALITY)


def encode(image: NDArray[np.uint8], quality: int) -> bytes:
    """B, G, R pixels to JPEG."""
    cv2 = load_cv2()
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise ValueError(f"a picture of {image.shape} cannot be encoded as JPEG")
    return bytes(data)
