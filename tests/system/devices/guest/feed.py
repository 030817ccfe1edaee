"""feed.py DEVICE < picture.yuyv: shows one 640x480 YUYV picture on a V4L2 output device until it is ended."""

import fcntl
import struct
import sys
import time
from pathlib import Path

WIDTH, HEIGHT = 640, 480
OUTPUT = 2  # V4L2_BUF_TYPE_VIDEO_OUTPUT
SET_FORMAT = 0xC0D05605  # VIDIOC_S_FMT
YUYV = int.from_bytes(b"YUYV", "little")


def main(device: str) -> None:
    picture = sys.stdin.buffer.read()
    # struct v4l2_format: the type, padding, then a union of 200 bytes that begins with struct v4l2_pix_format
    pixels = struct.pack("<12I", WIDTH, HEIGHT, YUYV, 1, 0, WIDTH * HEIGHT * 2, 8, 0, 0, 0, 0, 0)
    with Path(device).open("wb", buffering=0) as camera:
        fcntl.ioctl(camera, SET_FORMAT, bytearray(struct.pack("<I4x", OUTPUT) + pixels.ljust(200, b"\0")))
        camera.write(picture)
        print("fed", flush=True)
        while True:
            camera.write(picture)
            time.sleep(1 / 30)


if __name__ == "__main__":
    main(sys.argv[1])
