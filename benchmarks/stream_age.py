"""How old the frames of an RTSP stream are while it is read too slowly, and how old they are said to be.

    python benchmarks/stream_age.py --json stream-age.json --plot stream-age.png

A server on this machine writes the time into each picture, 30 a second. A process reads them; from second 5 to 20 it is
stopped for 0.4 s out of each 0.402 s, as on an overloaded machine. First a plain loop, which takes the arrival of a
frame for the time of its capture; then the reader of fashion-edge.
Needs GStreamer: see the message of tests/system/test_stream.py.
"""

import argparse
import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fashion_edge.frame import Frame
from fashion_edge.opencv import cv2
from fashion_edge.typed_json import encode_json

SECONDS, BUSY_FROM, BUSY_TO = 35.0, 5.0, 20.0
STOPPED_S, RUNNING_S = 0.4, 0.002
TESTS = Path(__file__).resolve().parent.parent / "tests/system/test_stream.py"
WAYS = {"plain": "plain loop: age by arrival", "ours": "fashion-edge: age by the stream's clock"}


def main() -> None:
    """Measure both ways, write the JSON and the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        read(*args.child)
        return
    with load_tests().rtsp(30) as url:
        series = {way: measure(way, url) for way in WAYS}
    for way, rows in series.items():
        worst = max(rows, key=lambda row: row[1] - row[2])
        print(f"{way}: {len(rows)} frames, oldest {max(row[1] for row in rows):.1f} s; ", end="")
        print(f"largest error at {worst[0]:.1f} s: true {worst[1]:.2f} s, said {worst[2]:.2f} s")
    if args.json:
        args.json.write_bytes(encode_json(series))
    if args.plot:
        plot(series, args.plot)


def load_tests() -> Any:
    """The module with the server, which the tests use, too."""
    spec = importlib.util.spec_from_file_location("stream_tests", TESTS)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(way: str, url: str) -> list[list[float]]:
    """Rows of seconds, true age and said age; the reading process is slowed down for a while."""
    child = subprocess.Popen([sys.executable, __file__, "--child", way, url], stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    began = time.monotonic()
    time.sleep(BUSY_FROM)
    while time.monotonic() - began < BUSY_TO:
        child.send_signal(signal.SIGSTOP)
        time.sleep(STOPPED_S)
        child.send_signal(signal.SIGCONT)
        time.sleep(RUNNING_S)
    return [[float(word) for word in line.split()] for line in child.communicate()[0].splitlines()]


def read(way: str, url: str) -> None:
    """Print a row for each frame."""
    tests, began = load_tests(), time.monotonic()
    frames = read_plain(url) if way == "plain" else tests.read(url, SECONDS)
    for frame in frames:
        if isinstance(frame, Frame):
            now = time.monotonic()
            row = [now - began, tests.true_age_s(frame), now - frame.captured_at]
            print(*(f"{value:.3f}" for value in row), flush=True)


def read_plain(url: str) -> Iterator[Any]:
    """Frames of OpenCV with the time of their arrival."""
    os.environ["OPENCV_FFMPEG_LOGLEVEL"] = "-8"
    capture, end = cv2.VideoCapture(url, cv2.CAP_FFMPEG), time.monotonic() + SECONDS
    while time.monotonic() < end and capture.grab():
        arrived = time.monotonic()
        yield Frame(capture.retrieve()[1], 0, arrived, url)


def plot(series: dict[str, list[list[float]]], path: Path) -> None:
    """True and said age over time, one panel for each way."""
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3), sharey=True, layout="constrained")
    for panel, (way, rows) in zip(panels, series.items(), strict=True):
        seconds, true, said = zip(*rows, strict=True)
        panel.axvspan(BUSY_FROM + seconds[0], BUSY_TO + seconds[0], color="#eee", label="overloaded")
        panel.plot(seconds, true, ".", ms=3, color="#c33", label="true age")
        panel.plot(seconds, said, ".", ms=2, color="#06c", label="age that is said")
        panel.set_title(WAYS[way], fontsize=10)
        panel.set_xlabel("seconds")
    panels[0].set_ylabel("age of the frame, s")
    panels[0].legend(fontsize=8)
    figure.savefig(path, dpi=90)


if __name__ == "__main__":
    main()
