"""Cost of clients of the live page: frames a second, age, CPU and memory with 0 to 4 clients and a stalled one.

    python benchmarks/edge_clients.py --rounds 3 --seconds 5

Exit status 3 where resident memory with four clients at 30 frames/s reaches LIMIT_MB in a round. Each case is a run of
`fashion-edge --serve`, read twice through its own /metrics; the cases are interleaved, so that other programs disturb
all of them alike. Clients are separate processes: one that requests the next picture at once, and one that opens
/stream.mjpg and never reads.
"""

import argparse
import os
import re
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from fashion_bench.worker import read_memory
from fashion_edge.typed_json import encode_json

EDGE = "import sys; from fashion_edge.cli import main; sys.exit(main(sys.argv[1:]))"
WATCHER = """
import aiohttp, asyncio, json, sys
async def main():
    async with aiohttp.ClientSession() as session:
        number = 0
        while True:
            async with session.post(sys.argv[1], params={"after": number}) as response:
                message = await response.read()
            if response.status == 200:
                number = json.loads(message[4 : 4 + int.from_bytes(message[:4])])["number"]
                print(flush=True)
asyncio.run(main())
"""
CASES = (("0 clients", 0, 0), ("1 client", 1, 0), ("2 clients", 2, 0), ("1 stalled", 0, 1), ("2 and 1 stalled", 2, 1))
CASES += (("4 clients", 4, 0),)
LIMIT_MB = 130.0
PACES = {"30 frames/s": [], "as fast as it goes": ["--every-frame"]}


def free_port() -> int:
    """A port that is free at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def read(port: int) -> dict[str, float]:
    """Every sample of /metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[0] != "#")}


@contextmanager
def process(code: str, *argv: str, silent: bool = False) -> Iterator[subprocess.Popen[str]]:
    """Run Python code in a process that ends with the block; its output is a pipe, unless it is `silent`."""
    command = [sys.executable, "-c", code, *argv]
    environment = {name: value for name, value in os.environ.items() if name != "FASHION_EDGE_TOKEN"}
    output = subprocess.DEVNULL if silent else subprocess.PIPE
    child = subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL, text=True, env=environment)
    try:
        yield child
    finally:
        child.kill()
        child.communicate()


def stall(port: int) -> socket.socket:
    """A client that sends a request and never reads."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(f"GET /stream.mjpg HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n".encode())
    return connection


def await_frames(port: int, edge: subprocess.Popen[str]) -> None:
    """Return once /metrics counts frames."""
    while edge.poll() is None:
        try:
            if read(port)["fashion_edge_frames_total"] > 10:
                return
        except OSError:  # not listening yet
            time.sleep(0.05)
    raise SystemExit(
        f"edge_clients: fashion-edge ended with status {edge.returncode}; `fashion-edge --serve 8080` says why"
    )


def measure(extra: list[str], watchers: int, stalled: int, seconds: float) -> dict[str, float]:
    """One case: wait until every client has a picture, then read twice."""
    port = free_port()
    argv = ["--source", "demo", "--headless", "--jsonl", os.devnull, "--overwrite", "--serve", str(port), *extra]
    with ExitStack() as stack:
        edge = stack.enter_context(process(EDGE, *argv))
        await_frames(port, edge)
        for _ in range(stalled):
            stack.enter_context(stall(port))
        url = f"http://127.0.0.1:{port}/api/picture"
        for watcher in [stack.enter_context(process(WATCHER, url)) for _ in range(watchers)]:
            assert watcher.stdout is not None
            watcher.stdout.readline()  # it has seen a picture
        time.sleep(0.5)
        before, started = read(port), time.monotonic()
        time.sleep(seconds)
        after, took = read(port), time.monotonic() - started
        peak_mb = read_memory(edge.pid)["peak_mb"] or 0.0
    change = {name: after[name] - before.get(name, 0.0) for name in after}
    return {
        "fps": change["fashion_edge_frames_total"] / took,
        "age_p99_ms_at_most": percentile(change, 0.99),
        "cpu_percent_of_a_core": change["process_cpu_seconds_total"] / took * 100,
        "cpu_ms_a_frame": change["process_cpu_seconds_total"] / change["fashion_edge_frames_total"] * 1e3,
        "peak_mb": peak_mb,
    }


def percentile(change: dict[str, float], share: float) -> float:
    """Upper bound of the histogram bucket that contains the percentile, in milliseconds."""
    total = change["fashion_edge_age_seconds_count"]
    for name, count in change.items():
        if (bound := re.fullmatch(r'fashion_edge_age_seconds_bucket\{le="(.+)"\}', name)) and count >= share * total:
            return float(bound[1]) * 1e3
    return float("nan")


def main() -> int:
    """Run all cases in interleaved rounds and print their medians; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", help="write the raw figures here")
    args = parser.parse_args()
    results: dict[str, list[dict[str, float]]] = {}
    for turn in range(args.rounds):
        for pace, extra in PACES.items():
            for case, watchers, stalled in CASES:
                print(f"round {turn + 1}: {pace}, {case}", file=sys.stderr)
                results.setdefault(f"{pace}, {case}", []).append(measure(extra, watchers, stalled, args.seconds))
    if args.json:
        with open(args.json, "wb") as file:  # noqa: PTH123
            file.write(encode_json({"load": os.getloadavg(), "cpus": os.cpu_count(), "results": results}, indent=1))
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores; medians of {args.rounds} rounds")
    for case, rounds in results.items():
        middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
        print(f"{case:36}" + "  ".join(f"{name} {value:.1f}" for name, value in middle.items()))
    peak = max(one["peak_mb"] for one in results["30 frames/s, 4 clients"])
    print(f"{'ok ' if peak < LIMIT_MB else 'BAD'}  peak with four clients: {peak:.1f} MB (bar {LIMIT_MB:g})")
    return 0 if peak < LIMIT_MB else 3


if __name__ == "__main__":
    sys.exit(main())
