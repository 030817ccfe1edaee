"""A run that is killed at any moment: whatever it leaves can be read, or is gone after the next run."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest
from PIL import Image

from fashion_edge.recording import FRAMES, HEADER, Recording

MAIN = "import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"
LONG_S = 10.0  # FFmpeg writes 256 KB at a time: a few seconds of video


def start(folder: Path, suffix: str, *argv: str) -> subprocess.Popen:
    """Start a run that writes each kind of output."""
    command = [sys.executable, "-c", MAIN, "--source", "demo", "--headless", "--overwrite", *argv]
    for flag, name in {
        "--record": f"video{suffix}",
        "--save": "stills",
        "--capture": "collected",
        "--record-raw": "raw",
        "--jsonl": "lines.jsonl",
    }.items():
        command += [flag, str(folder / name)]
    command += ["--capture-margin", "0.5"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def kill(child: subprocess.Popen, lines: Path, seconds: float) -> None:
    """Kill a run some time after its first frame."""
    until = time.monotonic() + 60
    while not (lines.exists() and lines.stat().st_size):
        assert child.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
    time.sleep(seconds)
    child.kill()
    child.communicate()


def unreadable(folder: Path) -> Iterator[Path]:
    for path in folder.rglob("*"):
        if path.is_file() and not is_readable(path):
            yield path


def is_readable(path: Path) -> bool:
    try:
        if path.suffix in (".mp4", ".mkv", ".avi"):
            return cv2.VideoCapture(str(path)).read()[0]
        if path.suffix in (".jpg", ".png"):
            Image.open(path).load()
            return True
        for text in path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]:
            json.loads(text)
    except (OSError, ValueError):
        return False
    return path.suffix in (".json", ".jsonl")


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_what_a_killed_run_leaves_is_readable_or_gone_after_the_next(tmp_path, suffix):
    early = random.Random(suffix)
    for seconds in (early.uniform(0, 0.5), early.uniform(0.5, 3), LONG_S):
        kill(start(tmp_path, suffix), tmp_path / "lines.jsonl", seconds)
        for line in Recording(tmp_path / "raw").lines():
            assert is_readable(tmp_path / "raw" / FRAMES / line.file)
        left = [path for path in unreadable(tmp_path) if not path.name.startswith(".")]
        assert not left, "only hidden files are incomplete"
        child = start(tmp_path, suffix, "--frames", "3")
        _, said = child.communicate(timeout=60)
        assert child.returncode == 0, said
        assert "a run that was killed" in said
        assert not list(unreadable(tmp_path))
        assert not list(tmp_path.rglob(".*"))
        (tmp_path / "lines.jsonl").unlink()
    assert (tmp_path / "raw" / HEADER).is_file()
    assert list(tmp_path.glob(f"video-recovered*{suffix}"))
