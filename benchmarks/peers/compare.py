"""Compare fashion-edge with its peers on one clip and one network: interleaved rounds, each peer in its environment.

    nox --session peers -- --run runs/NAME --tutorial-run runs/TUTORIAL
    python benchmarks/peers/compare.py --python mediapipe=.../bin/python --json peers.json

The network runs as int8 and as float32: which is faster depends on the machine. A peer without an environment, and a
Keras loop without a run, is skipped (status 1). Any run of `fashion-train --recipe tutorial` works for --tutorial-run,
however short: its network is timed, not evaluated.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from fashion_bench.cases import is_installed
from fashion_bench.machine import Machine, describe_machine
from fashion_edge.bundle import load_bundle
from fashion_edge.defaults import default_bundle, default_run
from fashion_edge.statistics import compare, quantile_interval
from fashion_edge.typed_json import encode_json
from fashion_render.demo import write_clip

HERE = Path(__file__).parent
OURS = ("ours-int8", "ours-float32")
SCRIPTS = {"ours": "ours.py", "litert": "litert_loop.py", "mediapipe": "mediapipe_loop.py"}  # of the bundle's files
RUNS = {"keras": "the same network in Keras", "tutorial": "the tutorial's network in Keras"}
CLIP_FRAMES = 150


def main(argv: Sequence[str] | None = None) -> int:
    """Run all rounds, print the table, write the JSON."""
    args = parse(argv)
    bundle = load_bundle(args.bundle)
    pythons = dict.fromkeys(("ours", "litert", "keras"), sys.executable)
    pythons |= dict(entry.split("=", 1) for entry in args.python)
    with tempfile.TemporaryDirectory() as folder:
        clip = args.clip or str(Path(folder, "demo.mp4"))
        if not args.clip:
            write_clip(clip, CLIP_FRAMES)
        commands, skipped = plan(bundle, {"keras": args.run, "tutorial": args.tutorial_run}, pythons, clip, args.frames)
        replies = run_rounds(commands, skipped, args.rounds)
    if lost := next((name for name in OURS if name not in replies), None):
        print(f"compare: {lost}, which the others are compared with, {skipped[lost]}", file=sys.stderr)
        return 1
    document = describe(replies, skipped, bundle)
    print(to_markdown(document))
    if args.json:
        args.json.write_bytes(encode_json(document) + b"\n")
    if args.markdown:
        args.markdown.write_text(to_markdown(document) + "\n")
    return 1 if skipped else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=default_bundle(), help="bundle whose int8 and float32 files run")
    parser.add_argument("--run", type=Path, default=default_run(), help="run of the bundle, for the Keras loop")
    parser.add_argument("--tutorial-run", type=Path, help="run of the tutorial's recipe, for its network")
    parser.add_argument("--clip", help="a video [default: the rendered demo, 640x480]")
    parser.add_argument("--python", action="append", default=[], metavar="PEER=PATH", help="interpreter of a peer")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--frames", type=int, default=150, help="frames a round")
    parser.add_argument("--json", type=Path, help="write the samples here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    return parser.parse_args(argv)


def plan(
    bundle: Any, runs: dict[str, Path | None], pythons: dict[str, str], clip: str, frames: int
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Commands of the peers that can run here, and why the others cannot."""
    labels = ",".join(bundle.manifest.space.labels)
    commands: dict[str, list[str]] = {}
    skipped: dict[str, str] = {}
    for peer, script in SCRIPTS.items():
        for precision in ("int8", "float32"):
            name, file = f"{peer}-{precision}", str(bundle.path / bundle.find("litert", precision).file)
            if peer in pythons:
                model = str(bundle.path) if peer == "ours" else file
                commands[name] = [pythons[peer], str(HERE / script), clip, model, labels, str(frames), precision]
            else:
                skipped[name] = f"no environment for it: --python {peer}=PATH, or nox --session peers"
    for name, title in RUNS.items():
        run, python = runs[name], pythons.get("keras", sys.executable)
        if reason := check_run(run, bundle.manifest.space.labels, name):
            skipped[name] = reason
        elif python == sys.executable and not is_installed("tensorflow"):
            skipped[name] = "TensorFlow is not installed here: --python keras=PATH, or nox --session peers"
        else:
            script = str(HERE / "keras_loop.py")
            commands[name] = [python, script, clip, f"{run}/model.keras", labels, str(frames), title]
    return commands, skipped


def check_run(run: Path | None, labels: Sequence[str], name: str) -> str | None:
    """Why a Keras loop cannot use a run; None where it can."""
    flag = "--run" if name == "keras" else "--tutorial-run"
    if run is None or not (run / "model.keras").is_file():
        return f"no run folder with a model.keras: {flag} RUN"
    details = json.loads((run / "run.json").read_text())
    if details["labels"] != list(labels):
        return f"{run} has the labels {details['labels']}, the bundle {list(labels)}: name its own run"
    if name == "tutorial" and details["model"]["arch"] != "smallervgg":
        return f"{run} holds a {details['model']['arch']} network, not the tutorial's: fashion-train --recipe tutorial"
    return None


def run_rounds(commands: dict[str, list[str]], skipped: dict[str, str], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """The replies of each peer, one a round, in a new order each round; one that fails moves to `skipped`."""
    replies: dict[str, list[dict[str, Any]]] = {name: [] for name in commands}
    shuffle = random.Random(0)  # noqa: S311 - an order, not a secret
    for number in range(rounds):
        for name in shuffle.sample(list(replies), len(replies)):
            print(f"round {number + 1} of {rounds}: {name}", file=sys.stderr)
            reply = run_peer(commands[name])
            if isinstance(reply, str):
                skipped[name] = reply
                del replies[name]
            else:
                replies[name].append(reply)
    return replies


def run_peer(command: list[str]) -> dict[str, Any] | str:
    """What one process of a peer prints, or why it failed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [""]
        return f"ended with status {done.returncode}: {lines[-1][:200]}"
    reply: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return reply


def describe(replies: dict[str, list[dict[str, Any]]], skipped: dict[str, str], bundle: Any) -> dict[str, Any]:
    """Figures of each peer, and how many times slower it is than fashion-edge in both precisions."""
    return {
        "machine": msgspec.to_builtins(describe_machine()),
        "load": list(os.getloadavg()),
        "models": {precision: bundle.find("litert", precision).sha256 for precision in ("int8", "float32")},
        "rows": [describe_peer(rounds, {own: replies[own] for own in OURS}) for rounds in replies.values()],
        "skipped": skipped,
    }


def describe_peer(rounds: list[dict[str, Any]], ours: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Figures of one peer."""
    blocks = [np.array(reply["frame_ms"]) for reply in rounds]
    joined = np.concatenate(blocks)
    ratios = {own: compare([np.array(reply["frame_ms"]) for reply in base], blocks) for own, base in ours.items()}
    interval, last = quantile_interval(joined, 0.5), rounds[-1]
    return {
        "peer": last["peer"],
        "runtime": last["runtime"],
        "p50_ms": round(float(np.median(joined)), 3),
        "p50_interval_ms": [interval.low, interval.high] if interval else None,
        "p99_ms": round(float(np.quantile(joined, 0.99)), 3) if quantile_interval(joined, 0.99) else None,
        "frames_per_second": round(1e3 * len(joined) / float(joined.sum()), 1),
        "against": {
            own: {
                "times": round(ratio.value, 3),
                "interval": [ratio.interval.low, ratio.interval.high] if ratio.interval else None,
            }
            for own, ratio in ratios.items()
        },
        "seen": last["seen"],
        "samples_ms": [block.tolist() for block in blocks],
    }


def busy_line(load: Sequence[float], cores: int) -> str:
    """How busy the machine was; this script runs one process at a time."""
    found = f"Load average at the end {load[0]:.1f} on {cores} cores"
    return f"{found}: other programs ran too, so only the ratios hold." if load[0] > 1.5 else f"{found}."


def to_markdown(document: dict[str, Any]) -> str:
    """The table of a README."""
    lines = [
        "| loop | p50 ms a frame | 95 % | p99 | frames/s | time against ours, int8 | against ours, float32 |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for row in document["rows"]:
        low, high = row["p50_interval_ms"] or (float("nan"),) * 2
        tail = f"{row['p99_ms']:.2f}" if row["p99_ms"] else "-"
        numbers = f"{row['p50_ms']:.2f} | {low:.2f}-{high:.2f} | {tail} | {row['frames_per_second']:.0f}"
        lines.append(f"| {row['peer']} | {numbers} | {' | '.join(times(row['against'][own]) for own in OURS)} |")
    blocks, runtimes = document["rows"][0]["samples_ms"], sorted({row["runtime"] for row in document["rows"]})
    lines += [
        "",
        msgspec.convert(document["machine"], Machine).line,
        f"{len(blocks)} rounds of {len(blocks[0])} frames, {', '.join(runtimes)}.",
        busy_line(document["load"], document["machine"]["cores"]),
    ]
    lines += [f"skipped {name}: {reason}" for name, reason in document["skipped"].items()]
    return "\n".join(lines)


def times(against: dict[str, Any]) -> str:
    """`2.41x (2.30-2.52)`."""
    span = against["interval"]
    return f"{against['times']:.2f}x" + (f" ({span[0]:.2f}-{span[1]:.2f})" if span else "")


if __name__ == "__main__":
    sys.exit(main())
