"""Speed of the live loop compared with its parts alone: cases in interleaved rounds, each in its own process.

    python benchmarks/edge_speed.py --rounds 7 --mediapipe PYTHON --json edge_speed.json

Cases, on one 640x480 clip of the rendered demo, one thread for inference and one for decoding:

    decode     the bare OpenCV loop: `while capture.read()[0]`
    alone      decoding, preprocessing and inference without anything else, as fast as it goes: in one thread
    threads    the same in two threads; the faster one counts
    lines      fashion-edge's own loop: every frame labelled and written as a JSON line
    drawn      the same, with the overlay drawn
    mediapipe  MediaPipe's ImageClassifier on the same clip and model, with one line of text drawn; PYTHON is of an
               environment that has mediapipe and opencv
    paced      drawn at 30 frames a second through the newest-frame reader: age and CPU use
    cold       the command line from its start to its first label; `bare` is a script that imports OpenCV and LiteRT,
               loads the same model and labels the same frame

All but `cold` skip their first 60 frames, in which fonts are read and caches fill.
Medians of the rounds' ratios are compared with the bars; exit status 3 where one is missed. A busy machine misses them.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from threading import Semaphore, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_bench.worker import read_memory
from fashion_edge.bundle import load_bundle
from fashion_edge.defaults import default_bundle
from fashion_edge.frame import Roi
from fashion_edge.loading import open_model
from fashion_edge.opencv import cv2, keep_freed_memory
from fashion_edge.overlay import load_fonts
from fashion_edge.pipeline import Labeller, Options, Summary, run
from fashion_edge.preprocess import preprocess
from fashion_edge.readers import NewestFrameReader, PrefetchReader
from fashion_edge.result import Result
from fashion_edge.sinks.base import FanOut, Sink
from fashion_edge.sinks.jsonl import JsonlSink
from fashion_edge.sources.files import VideoSource
from fashion_edge.typed_json import encode_json

PEERS = Path(__file__).parent / "peers"
FRAMES, PACED_S, WARM = 900, 8.0, 60
FPS = 30.0
Sample = dict[str, Any]  # the cases of one round


@dataclass(frozen=True)
class Bar:
    """A figure of each round, and the limit for its median."""

    name: str
    limit: float
    value: Callable[[Sample], float]
    more: bool = True  # is better


BARS = (
    Bar(
        "overlay and JSON lines / decoding, preprocessing and inference alone, frames a second",
        0.8,
        lambda s: s["drawn"]["fps"] / max(s["alone"]["fps"], s["threads"]["fps"]),
    ),
    Bar("JSON lines / decoding alone, frames a second", 0.9, lambda s: s["lines"]["fps"] / s["decode"]["fps"]),
    Bar(
        "overlay and JSON lines / MediaPipe ImageClassifier, frames a second",
        3.5,
        lambda s: s["drawn"]["fps"] / s["mediapipe"]["fps"],
    ),
    Bar(
        "paced p99 age beyond one frame interval, ms", 20.0, lambda s: s["paced"]["age_p99_ms"] - 1e3 / FPS, more=False
    ),
    Bar("paced CPU, % of a core", 15.0, lambda s: s["paced"]["cpu_percent"], more=False),
    Bar("cold start / bare script", 3.0, lambda s: s["cold_s"] / s["bare_s"], more=False),
    Bar("resident memory of the loop, MB", 120.0, lambda s: s["drawn"]["rss_mb"], more=False),
)
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
    parser.add_argument("--json", type=Path, help="write the samples here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    parser.add_argument("--mediapipe", metavar="PYTHON", help="interpreter that has mediapipe")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--clip", type=Path, help="a video file instead of the rendered one")
    args = parser.parse_args(argv)
    if args.child:
        cv2.setNumThreads(1)
        print(encode_json(CHILDREN[args.child](args.clip)).decode())
        return 0
    from fashion_bench.machine import describe_machine
    from fashion_render.demo import write_clip

    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or Path(folder, "demo.mp4")
        if not args.clip:
            write_clip(clip, FRAMES)
        samples = [measure(clip, number, args.rounds, args.mediapipe) for number in range(args.rounds)]
    command = f"python benchmarks/edge_speed.py --rounds {args.rounds}" + " --mediapipe PYTHON" * bool(args.mediapipe)
    measured = {"rounds": samples, **compare_with_bars(samples)}
    document = {"machine": describe_machine(), "command": command, **measured}
    for name, figure in document["bars"].items():
        print(f"{'ok ' if figure['met'] else 'BAD'}  {name}: {figure['median']:.2f} (bar {figure['bar']:g})")
    if args.markdown:
        args.markdown.write_text(to_markdown(document) + "\n")
    if args.json:
        args.json.write_bytes(encode_json(document, indent=1) + b"\n")
    return 0 if all(figure["met"] for figure in document["bars"].values()) else 3


def measure(clip: Path, number: int, rounds: int, mediapipe: str | None) -> Sample:
    """One round of every case, in an order that rotates with the round."""
    cases: list[tuple[str, Callable[[], Any]]] = [
        *((name, lambda name=name: run_child(name, clip)) for name in CHILDREN),
        ("cold_s", lambda: start_edge(clip)),
        ("bare_s", lambda: start_bare(clip)),
    ]
    if mediapipe:
        cases.append(("mediapipe", lambda: run_mediapipe(mediapipe, clip)))
    turn = number % len(cases)
    sample: Sample = {}
    for name, measure_case in cases[turn:] + cases[:turn]:
        print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
        sample[name] = measure_case()
    sample["load"] = os.getloadavg()[0]
    return sample


def compare_with_bars(samples: Sequence[Sample]) -> dict[str, Any]:
    """Medians over the rounds, and whether each bar is met."""
    bars = {}
    for bar in BARS:
        if "mediapipe" not in samples[0] and "MediaPipe" in bar.name:
            continue
        values = [bar.value(sample) for sample in samples]
        median = float(np.median(values))
        met = median >= bar.limit if bar.more else median <= bar.limit
        bars[bar.name] = {"median": median, "bar": bar.limit, "met": met, "all": values}
    medians = {
        f"{case} {figure}": float(np.median([sample[case][figure] for sample in samples]))
        for case, figures in samples[0].items()
        if isinstance(figures, dict)
        for figure in figures
    }
    medians |= {name: float(np.median([s[name] for s in samples])) for name in ("cold_s", "bare_s", "load")}
    return {"bars": bars, "medians": medians}


def to_markdown(document: dict[str, Any]) -> str:
    """The bars, and the rates behind them."""
    lines = ["| figure, median of the rounds | median | lowest to highest | bar |", "|---|--:|--:|--:|"]
    for name, bar in document["bars"].items():
        lines.append(
            f"| {name} | {bar['median']:.2f} | {min(bar['all']):.2f} to {max(bar['all']):.2f} | {bar['bar']:g} |"
        )
    rates = [
        f"{name.removesuffix(' fps')} {n:,.0f}" for name, n in document["medians"].items() if name.endswith(" fps")
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"Frames a second: {', '.join(rates)}.",
            "",
            document["machine"].line,
            f"{len(document['rounds'])} rounds of {FRAMES - WARM} frames, one thread for inference, one for decoding.",
            f"Load average {document['medians']['load']:.1f}.",
            f"Command: `{document['command']}`",
        ]
    )


def read_bare(clip: Path) -> Iterator[NDArray[np.uint8]]:
    """The frames, decoded in one thread."""
    capture = cv2.VideoCapture(str(clip), cv2.CAP_FFMPEG, (cv2.CAP_PROP_N_THREADS, 1))
    while (read := capture.read())[0]:
        yield read[1]


def read_in_thread(clip: Path) -> Iterator[NDArray[np.uint8]]:
    """The same in a thread of its own, three frames ahead."""
    frames: SimpleQueue[NDArray[np.uint8] | None] = SimpleQueue()
    room = Semaphore(3)

    def read() -> None:
        for image in read_bare(clip):
            room.acquire()
            frames.put(image)
        frames.put(None)

    Thread(target=read, daemon=True).start()
    while (image := frames.get()) is not None:
        room.release()
        yield image


def count_rate(frames: Iterator[object]) -> dict[str, float]:
    """Frames a second after the first ones."""
    started, n = 0.0, 0
    for n, _ in enumerate(frames, 1):
        if n == WARM:
            started = time.perf_counter()
    if n <= WARM:
        raise SystemExit(f"edge_speed: the clip gives {n} frames, and more than {WARM} are needed")
    return {"fps": (n - WARM) / (time.perf_counter() - started)}


def infer(frames: Iterator[NDArray[np.uint8]]) -> Iterator[object]:
    """Scores of each frame: preprocessing and inference, and nothing else."""
    loaded, box = open_model(threads=1), None
    spec = loaded.bundle.manifest.input
    for image in frames:
        box = box or Roi().box(*image.shape[:2], still=False)
        yield loaded.backend.run(preprocess(box.crop(image), spec)[np.newaxis])


def decode(clip: Path) -> dict[str, float]:
    """Decoding alone."""
    return count_rate(read_bare(clip))


def alone(clip: Path) -> dict[str, float]:
    """Decoding, preprocessing and inference in one thread."""
    return count_rate(infer(read_bare(clip)))


def threads(clip: Path) -> dict[str, float]:
    """Decoding in one thread, preprocessing and inference in another."""
    return count_rate(infer(read_in_thread(clip)))


def lines(clip: Path) -> dict[str, float]:
    """Every frame through the loop, with JSON lines."""
    return drive(clip)


def drawn(clip: Path) -> dict[str, float]:
    """Every frame through the loop, with overlay and JSON lines."""
    return drive(clip, picture=True)


def paced(clip: Path) -> dict[str, float]:
    """At the clip's own rate, newest frame only, with overlay and JSON lines."""
    return drive(clip, picture=True, paced=True)


class Clocks(Sink):
    """Starts the clocks after the warm-up; with `picture` it takes the place of a window, which needs the overlay."""

    left = WARM
    clocks = (0.0, 0.0, 0.0)

    def __init__(self, *, picture: bool) -> None:
        self.wants_picture = picture

    def put(self, _: Result) -> None:
        """Count the frame."""
        self.left -= 1
        if self.left == 0:
            self.clocks = read_clocks()


def drive(clip: Path, *, picture: bool = False, paced: bool = False) -> dict[str, float]:
    """Run the loop of `fashion-edge` on the clip, with everything but the window itself."""
    keep_freed_memory()  # as the command does
    model = open_model(threads=1)
    options = Options(seconds=PACED_S if paced else None)
    labeller = Labeller(model.bundle.manifest, model.backend, options, still=False)
    summary = Summary()
    source = VideoSource(clip, paced=paced)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        sinks = stack.enter_context(FanOut())
        sinks.add(JsonlSink(str(Path(folder, "out.jsonl"))))
        clocks = Clocks(picture=picture)
        sinks.add(clocks)
        load_fonts()
        reader = NewestFrameReader(source) if paced else PrefetchReader(source.items, labeller.prepare)
        items = stack.enter_context(reader)
        run(items, labeller, sinks, options, summary, settle=items.settle)
        wall, cpu, busy = (now - then for now, then in zip(read_clocks(), clocks.clocks, strict=True))
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


CHILDREN: dict[str, Callable[[Path], dict[str, float]]] = {
    case.__name__: case for case in (decode, alone, threads, lines, drawn, paced)
}


def run_mediapipe(python: str, clip: Path) -> dict[str, float]:
    """Frames a second of the loop in benchmarks/peers, on our int8 file."""
    bundle = load_bundle(default_bundle())
    file, labels = bundle.path / bundle.find("litert", "int8").file, ",".join(bundle.manifest.space.labels)
    argv = [python, str(PEERS / "mediapipe_loop.py"), str(clip), str(file), labels, str(FRAMES - WARM), "int8"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"edge_speed: mediapipe ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    taken = json.loads(done.stdout.splitlines()[-1])["frame_ms"]
    return {"fps": 1e3 * len(taken) / sum(taken)}


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
