"""Speed of the live loop compared with the model alone: cases in interleaved rounds, each in its own process.

    python benchmarks/edge_speed.py --rounds 5 --json edge_speed.json

Cases, on one 640x480 clip of the rendered demo, one thread:

    model   preprocess and inference alone, on frames in memory: the reference of the loop
    loop    fashion-edge's own loop: decode, label every frame, draw the overlay, write JSON lines
    paced   the same at 30 frames a second through the newest-frame reader: age and CPU use
    cold    the command line from its start to its first label; `bare` is a script that imports OpenCV and the runtime,
            loads the same model and labels the same frame

All but `cold` skip their first 60 frames, in which fonts are read and caches fill.
Medians over the rounds are compared with the bars; exit status 3 where one is missed. A busy machine misses them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from fashion_bench.worker import read_memory
from fashion_edge.frame import Roi
from fashion_edge.loading import open_model
from fashion_edge.opencv import cv2
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.preprocess import preprocess
from fashion_edge.readers import NewestFrameReader, PrefetchReader
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink
from fashion_edge.sinks.jsonl import JsonlSink
from fashion_edge.sources.files import VideoSource

FRAMES, PACED_S, WARM = 900, 8.0, 60
FPS = 30.0
BARS = {  # name -> (limit, whether more is better)
    "loop / model, frames a second": (0.6, True),
    "paced p99 age beyond one frame interval, ms": (20.0, False),
    "paced CPU, % of a core": (15.0, False),
    "cold start / bare script": (3.0, False),
    "resident memory of the loop, MB": (120.0, False),
}
BARE = """
import sys, cv2, numpy as np
from ai_edge_litert.interpreter import Interpreter
model = Interpreter(sys.argv[1], num_threads=1)
model.allocate_tensors()
source, target = model.get_input_details()[0], model.get_output_details()[0]
ok, frame = cv2.VideoCapture(sys.argv[2]).read()
_, height, width, _ = source["shape"]
pixels = cv2.cvtColor(cv2.resize(frame, (int(width), int(height))), cv2.COLOR_BGR2RGB)[None]
if source["dtype"] == np.int8:
    pixels = (pixels ^ 0x80).view(np.int8)
model.set_tensor(source["index"], pixels.astype(source["dtype"]))
model.invoke()
print(model.get_tensor(target["index"]), flush=True)
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run all rounds, print the table, write the JSON; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help="a video file instead of the rendered one")
    args = parser.parse_args(argv)
    if args.child:
        print(json.dumps(CHILDREN[args.child](args.clip)))
        return 0
    import msgspec

    from fashion_bench.machine import describe_machine
    from fashion_render.demo import write_clip

    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or Path(folder, "demo.mp4")
        if not args.clip:
            write_clip(clip, FRAMES)
        samples = [measure(clip, number, args.rounds) for number in range(args.rounds)]
    machine = msgspec.to_builtins(describe_machine())
    document = {"machine": machine, "command": " ".join(sys.argv), "rounds": samples, **compare_with_bars(samples)}
    for name, figure in document["bars"].items():
        print(f"{'ok ' if figure['met'] else 'BAD'}  {name}: {figure['median']:.2f} (bar {figure['bar']:g})")
    if args.json:
        args.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0 if all(figure["met"] for figure in document["bars"].values()) else 3


def measure(clip: Path, number: int, rounds: int) -> dict[str, Any]:
    """One round of every case, in an order that rotates with the round."""
    cases: list[tuple[str, Callable[[], Any]]] = [
        *((name, lambda name=name: run_child(name, clip)) for name in CHILDREN),
        ("cold_s", lambda: start_edge(clip)),
        ("bare_s", lambda: start_bare(clip)),
    ]
    turn = number % len(cases)
    sample: dict[str, Any] = {}
    for name, measure_case in cases[turn:] + cases[:turn]:
        print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
        sample[name] = measure_case()
    sample["load"] = os.getloadavg()[0]
    return sample


def compare_with_bars(samples: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians over the rounds, and whether each bar is met."""
    rows = {
        "loop / model, frames a second": [s["loop"]["fps"] / s["model"]["fps"] for s in samples],
        "paced p99 age beyond one frame interval, ms": [s["paced"]["age_p99_ms"] - 1e3 / FPS for s in samples],
        "paced CPU, % of a core": [s["paced"]["cpu_percent"] for s in samples],
        "cold start / bare script": [s["cold_s"] / s["bare_s"] for s in samples],
        "resident memory of the loop, MB": [s["loop"]["rss_mb"] for s in samples],
    }
    bars = {}
    for name, values in rows.items():
        limit, more = BARS[name]
        median = float(np.median(values))
        bars[name] = {
            "median": median,
            "bar": limit,
            "met": median >= limit if more else median <= limit,
            "all": values,
        }
    figures = ("fps", "thread_ms", "age_p50_ms", "age_p99_ms", "cpu_percent", "rss_mb")
    medians = {
        f"{case} {figure}": float(np.median([s[case][figure] for s in samples]))
        for case in CHILDREN
        for figure in figures
        if figure in samples[0][case]
    }
    medians |= {name: float(np.median([s[name] for s in samples])) for name in ("cold_s", "bare_s", "load")}
    return {"bars": bars, "medians": medians}


def model(clip: Path) -> dict[str, float]:
    """Preprocess and inference on frames in memory."""
    cv2.setNumThreads(1)
    loaded = open_model(threads=1)
    images = [item.image for item, _ in zip(video(clip).items(), range(WARM), strict=False)]  # type: ignore[union-attr]
    box, spec = Roi().box(*images[0].shape[:2], still=False), loaded.bundle.manifest.input
    started, busy, n = 0.0, 0.0, 0
    for lap in range(FRAMES // WARM + 1):
        if lap == 1:
            started, busy, n = time.perf_counter(), time.thread_time(), 0
        for image in images:
            loaded.backend.run(preprocess(box.crop(image), spec)[np.newaxis])
            n += 1
    wall, busy = time.perf_counter() - started, time.thread_time() - busy
    return {"fps": n / wall, "thread_ms": 1e3 * busy / n}


def loop(clip: Path) -> dict[str, float]:
    """Every frame through the loop, with overlay and JSON lines."""
    return drive(clip, paced=False)


def paced(clip: Path) -> dict[str, float]:
    """At the clip's own rate, newest frame only, with overlay and JSON lines."""
    return drive(clip, paced=True)


class Picture(Sink):
    """Takes the place of a window or a page, which need the overlay; starts the clocks after the warm-up."""

    wants_picture = True
    left = WARM
    clocks = (0.0, 0.0, 0.0)

    def put(self, _: Result) -> None:
        """Count the frame."""
        self.left -= 1
        if self.left == 0:
            self.clocks = read_clocks()


def drive(clip: Path, *, paced: bool) -> dict[str, float]:
    """Run the loop of `fashion-edge` on the clip, with everything but the window itself."""
    cv2.setNumThreads(1)
    model = open_model(threads=1)
    options = Options(seconds=PACED_S if paced else None)
    labeller = Labeller(model.bundle.manifest, model.backend, options, still=False)
    summary = Summary()
    source = video(clip, paced=paced)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sinks = stack.enter_context(FanOut())
        sinks.add(JsonlSink(str(Path(folder, "out.jsonl"))))
        picture = Picture()
        sinks.add(picture)
        reader = NewestFrameReader(source) if paced else PrefetchReader(source.items, labeller.prepare)
        items = stack.enter_context(reader)
        run(items, labeller, sinks, options, summary)
        wall, cpu, busy = (now - then for now, then in zip(read_clocks(), picture.clocks, strict=True))
    counted = summary.frames - WARM
    if counted <= 0:
        raise SystemExit(f"edge_speed: {clip} has {summary.frames} frames, and more than {WARM} are needed")
    return {
        "fps": counted / wall,
        "frames": float(summary.frames),
        "age_p50_ms": summary.age_ms(50),
        "age_p99_ms": summary.age_ms(99),
        "cpu_percent": 100 * cpu / wall,
        "thread_ms": 1e3 * busy / counted,  # of the loop's own thread, which other programs distort least
        "rss_mb": read_memory()["peak_mb"] or 0.0,
    }


def read_clocks() -> tuple[float, float, float]:
    """Seconds: wall clock, processor time of the process, of this thread."""
    return time.perf_counter(), time.process_time(), time.thread_time()


CHILDREN: dict[str, Callable[[Path], dict[str, float]]] = {"model": model, "loop": loop, "paced": paced}


def video(clip: Path, *, paced: bool = False) -> Any:
    """The clip as a source."""
    return VideoSource(clip, paced=paced)


def run_child(case: str, clip: Path) -> dict[str, float]:
    """Run one case in its own process."""
    argv = [sys.executable, __file__, "--child", case, "--clip", str(clip)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit((done.stderr.strip().splitlines() or [f"edge_speed: {case} ended with {done.returncode}"])[-1])
    reply: dict[str, float] = json.loads(done.stdout)
    return reply


def start_edge(clip: Path) -> float:
    """Seconds from the start of the command to its first label on standard output."""
    code = "import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"
    argv = [sys.executable, "-c", code, "--source", str(clip), "--headless", "--threads", "1", "--jsonl", "-"]
    return first_line([*argv, "--frames", "1"])


def start_bare(clip: Path) -> float:
    """The same of a minimal script."""
    from fashion_edge.bundle import load_bundle
    from fashion_edge.defaults import default_bundle

    bundle = load_bundle(default_bundle())
    return first_line([sys.executable, "-c", BARE, str(bundle.path / bundle.find("litert", "int8").file), str(clip)])


def first_line(argv: Sequence[str]) -> float:
    """Seconds until a program has written its first line."""
    started = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as child:
        assert child.stdout is not None
        if not child.stdout.readline():
            raise SystemExit(f"edge_speed: {' '.join(argv[:3])} ... gave nothing")
        seconds = time.perf_counter() - started
        child.stdout.read()
    return seconds


if __name__ == "__main__":
    sys.exit(main())
