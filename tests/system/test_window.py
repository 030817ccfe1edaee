"""The window on a virtual screen, its keys pressed by xdotool. Needs OpenCV's GUI build: `nox --session window`."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import ImageGrab

NEEDED = [program for program in ("Xvfb", "xdotool") if not shutil.which(program)]
pytestmark = [
    pytest.mark.skipif(
        not cv2.currentUIFramework(), reason="NO GUI: this OpenCV is the headless one; run nox --session window"
    ),
    pytest.mark.skipif(bool(NEEDED), reason=f"NO SCREEN: apt install xvfb xdotool ({', '.join(NEEDED)} missing)"),
]


@pytest.fixture
def screen():
    """A display of its own."""
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1024x768x24", "-nolisten", "tcp"]
    child = subprocess.Popen(command, pass_fds=[write], stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as pipe:
        display = f":{pipe.readline().strip()}"
    yield display
    child.terminate()
    child.wait(10)


def wait_until(true: Callable[[], object], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_window_shows_the_scene_and_obeys_its_keys(screen, tmp_path):
    env = {**os.environ, "DISPLAY": screen}

    def xdotool(*argv):
        return subprocess.run(["xdotool", *argv], env=env, capture_output=True, text=True, check=False).stdout.strip()

    def window():
        return xdotool("search", "--onlyvisible", "--name", "^fashion-edge$").partition("\n")[0]

    def shows_a_picture():
        pixels = np.asarray(ImageGrab.grab(xdisplay=screen))[::3, ::3].reshape(-1, 3)
        return len(np.unique(pixels, axis=0)) > 200

    def press(key):
        xdotool("windowfocus", "--sync", window(), "key", key)

    code = "import sys; from fashion_edge.cli import main; sys.exit(main(['--source', 'demo']))"
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    child = subprocess.Popen([sys.executable, "-c", code], env=env, cwd=tmp_path, text=True, **pipes)
    try:
        wait_until(window)
        wait_until(shows_a_picture)
        if keep := os.environ.get("FASHION_SCREENSHOT"):
            ImageGrab.grab(xdisplay=screen).save(keep)
        press("s")
        wait_until(lambda: list(tmp_path.glob("*.jpg")))
        press("r")
        time.sleep(1)
        press("r")
        wait_until(lambda: [path for path in tmp_path.glob("*.mp4") if not path.name.startswith(".")])
        press("q")
        _, err = child.communicate(timeout=30)
    finally:
        child.kill()
    assert child.returncode == 0, err
    assert "saved " in err
    assert "recorded " in err
    (video,), (still,) = tmp_path.glob("*.mp4"), tmp_path.glob("*.jpg")
    assert cv2.VideoCapture(str(video)).get(cv2.CAP_PROP_FRAME_COUNT) > 3
    assert cv2.imread(str(still)).shape == (480, 640, 3)
