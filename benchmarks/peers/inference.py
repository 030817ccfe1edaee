"""Inference alone: the p50 of fashion-bench against the median of LiteRT's own litert-benchmark, interleaved.

    python benchmarks/peers/inference.py --rounds 8 --json inference.json

Both run the same file on the same number of threads, each time in a new process. `litert-benchmark` ships in the wheel
of ai-edge-litert; it uses CompiledModel and random input, fashion-bench uses Interpreter and the golden inputs, copied
in and out. Exit status 3 where the medians of all rounds differ by more than 5 %. A busy machine misses that.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import msgspec

from fashion_bench.cases import plan_cases
from fashion_bench.machine import Machine, describe_machine
from fashion_bench.rounds import WorkerProcess
from fashion_edge.bundle import Bundle, load_bundle
from fashion_edge.defaults import default_bundle
from fashion_edge.typed_json import encode_json

BAR = 0.05
WARMUP_S, WARMUP_RUNS = 0.3, 200
# it rounds to 0.01 ms, and an inference takes 0.12
UNROUNDED = (
    "import sys; from ai_edge_litert.tools import benchmark_litert_model as tool; "
    "tool.round = lambda number, digits: number; sys.exit(tool.main())"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run all rounds, print the table, write the JSON; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bundle", type=Path, default=default_bundle())
    parser.add_argument("--precision", action="append", help="of a LiteRT file [default: int8 and float32]")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--runs", type=int, default=1000, help="inferences a round")
    parser.add_argument("--json", type=Path, help="write the medians of the rounds here")
    parser.add_argument("--markdown", type=Path, help="write the table here")
    args = parser.parse_args(argv)
    bundle = load_bundle(args.bundle)
    tools: dict[str, Callable[[str], float]] = {
        "fashion-bench": lambda precision: run_ours(bundle, precision, args.threads, args.runs),
        "litert-benchmark": lambda precision: run_litert(bundle, precision, args.threads, args.runs),
    }
    medians: dict[str, dict[str, list[float]]] = {
        precision: {tool: [] for tool in tools} for precision in args.precision or ("int8", "float32")
    }
    shuffle = random.Random(0)  # noqa: S311 - an order, not a secret
    for number in range(args.rounds):
        turns = [(precision, tool) for precision in medians for tool in tools]
        for precision, tool in shuffle.sample(turns, len(turns)):
            print(f"round {number + 1} of {args.rounds}: {tool} {precision}", file=sys.stderr)
            medians[precision][tool].append(tools[tool](precision))
    document = {
        "machine": msgspec.to_builtins(describe_machine()),
        "runtime": f"ai-edge-litert {version('ai-edge-litert')}",
        "command": f"python benchmarks/peers/inference.py --rounds {args.rounds} --runs {args.runs}",
        "threads": args.threads,
        "runs": args.runs,
        "load": list(os.getloadavg()),
        "medians_ms": medians,
        "ratios": {precision: ratio(one) for precision, one in medians.items()},
    }
    print(to_markdown(document))
    if args.json:
        args.json.write_bytes(encode_json(document, indent=1) + b"\n")
    if args.markdown:
        args.markdown.write_text(to_markdown(document) + "\n")
    return 0 if all(abs(one - 1) <= BAR for one in document["ratios"].values()) else 3


def ratio(medians: dict[str, list[float]]) -> float:
    """Median of fashion-bench over that of litert-benchmark."""
    return median(medians["fashion-bench"]) / median(medians["litert-benchmark"])


def run_ours(bundle: Bundle, precision: str, threads: int, runs: int) -> float:
    """Median of one process of fashion-bench, in milliseconds."""
    (case,) = plan_cases(bundle, [threads], ["litert"], [precision])
    with WorkerProcess(case, bundle) as worker:
        worker.request("load")
        worker.run(WARMUP_S, WARMUP_RUNS, 60.0)
        return median(worker.run(0, runs, 60.0)["ms"])


def run_litert(bundle: Bundle, precision: str, threads: int, runs: int) -> float:
    """Median of one process of litert-benchmark, in milliseconds."""
    file = bundle.path / bundle.find("litert", precision).file
    with tempfile.TemporaryDirectory() as folder:
        reply = Path(folder, "result.json")
        argv = [sys.executable, "-c", UNROUNDED, "--model", str(file), "--num_threads", str(threads)]
        argv += ["--num_runs", str(runs), "--warmup_runs", str(10 * WARMUP_RUNS), "--result_json", str(reply)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode or not reply.exists():
            raise SystemExit(f"inference: litert-benchmark ended with {done.returncode}: {done.stderr.strip()[-300:]}")
        return float(json.loads(reply.read_text())["latency"]["median_ms"])


def to_markdown(document: dict[str, Any]) -> str:
    """The table."""
    lines = ["| file | fashion-bench p50, ms | litert-benchmark median, ms | ratio |", "|---|--:|--:|--:|"]
    for precision, medians in document["medians_ms"].items():
        ours, theirs = (median(rounds) for rounds in medians.values())
        lines.append(f"| {precision} | {ours:.4f} | {theirs:.4f} | {document['ratios'][precision]:.3f} |")
    rounds = len(next(iter(document["medians_ms"].values()))["fashion-bench"])
    lines += [
        "",
        msgspec.convert(document["machine"], Machine).line,
        f"{rounds} rounds of {document['runs']} inferences, threads {document['threads']}, {document['runtime']}. "
        f"Load average at the end {document['load'][0]:.1f}.",
        f"Command: `{document['command']}`",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
