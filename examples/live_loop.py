"""Use live labels in a program of your own.

python live_loop.py [SOURCE]
SOURCE is the number of a camera, a video, a URL, picamera or demo. Ctrl-C ends the loop.
"""

import sys

from fashion_edge import Classifier, FashionError


def run(source: str) -> None:
    """Print the labels when they change."""
    shown = ""
    with Classifier.load().stream(source) as results:
        for result in results:
            if result.text == shown:
                continue
            shown = result.text
            height, width = result.frame.image.shape[:2]  # (h, w, 3) uint8 B, G, R: crop it, draw on it, save it
            print(f"{result.text}: {width}x{height}, {1000 * result.age_s:.0f} ms after capture", flush=True)
            if result.decision["colour"] == "red":
                print("something red is in the picture", flush=True)


try:
    run(sys.argv[1] if len(sys.argv) > 1 else "0")
except KeyboardInterrupt:
    pass
except FashionError as error:  # such as a camera that is missing; the message says what would work
    print(error, file=sys.stderr)
    sys.exit(2)
