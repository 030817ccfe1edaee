import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from fashion_edge.console import say
from fashion_edge.sinks.text import Progress, describe

WIPED = "\r\x1b[K"


@pytest.fixture
def clip(tmp_path: Path) -> str:
    """Two hundred small frames."""
    path = str(tmp_path / "clip.avi")
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*"MJPG"), 30, (320, 240))
    for i in range(200):
        writer.write(np.full((240, 320, 3), i % 256, np.uint8))
    writer.release()
    return path


def on_a_terminal(*argv: str, out: int = subprocess.DEVNULL) -> str:
    """What a person sees of a run whose standard error is a terminal."""
    ours, its = pty.openpty()
    code = "import sys; from fashion_edge.sinks import text; text.REFRESH_S = 0.0\n"  # however fast the machine is
    code += "from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"
    seen = b""
    with subprocess.Popen([sys.executable, "-c", code, *argv], stdout=out, stderr=its) as child:
        os.close(its)
        try:
            while data := os.read(ours, 4096):
                seen += data
        except OSError:  # Linux's way to say that nobody holds the other end any more
            pass
        os.close(ours)
    assert child.returncode == 0, seen
    return seen.decode()


def test_a_run_over_a_video_shows_how_far_it_is_and_leaves_no_trace(clip: str) -> None:
    seen = on_a_terminal("--source", clip, "--headless", "--frames", "190")
    assert re.search(r"\r\x1b\[K\d+ of 190 frames, \S+ frames/s, \d+ s left", seen)
    assert f"{WIPED}190 frames labelled" in seen


def test_a_comparison_of_two_bundles_shows_it_too(clip: str, bundle_copy: Path) -> None:
    manifest = bundle_copy / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "runtime": {"hysteresis": 0.1 + 1e-9}}))
    seen = on_a_terminal("--source", clip, "--diff", str(bundle_copy))
    assert re.search(r"\r\x1b\[K\d+ of 200 frames, \S+ frames/s, \d+ s left", seen)
    assert f"{WIPED}0 of 200 frames decide differently" in seen


@pytest.mark.parametrize(
    ("done", "total", "seconds", "said"),
    [
        (120, 500, 2.0, "120 of 500 frames, 60 frames/s, 6 s left"),
        (10, 5000, 2.0, "10 of 5000 frames, 5 frames/s, 16 min 38 s left"),
        (120, None, 2.0, "120 frames, 60 frames/s"),
        (501, 500, 2.0, "501 frames, 250 frames/s"),  # the container counted wrong
    ],
)
def test_the_line_says_what_is_known(done: int, total: int | None, seconds: float, said: str) -> None:
    assert describe(done, total, seconds) == said


def test_a_message_takes_the_place_of_the_line(capsys: pytest.CaptureFixture) -> None:
    ticks = iter((0.0, 0.1, 0.5, 0.6))
    with Progress(100, shared=False, clock=lambda: next(ticks)) as progress:
        for done in (10, 50, 60):
            progress.show(done)
        say("the disk is full")
    assert capsys.readouterr().err == f"{WIPED}50 of 100 frames, 100 frames/s, 0 s left{WIPED}the disk is full\n"
