"""hold_camera.py: another program that has the camera, until its standard input ends."""

import sys

from picamera2 import Picamera2

with Picamera2(0) as camera:
    camera.configure(camera.create_video_configuration(main={"size": (640, 480)}))
    camera.start()
    print("holding", flush=True)
    sys.stdin.read()
