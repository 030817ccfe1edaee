"""One case in its own process: one JSON line out for each JSON line on standard input.

    echo '{"do": "load"}' | python -m fashion_bench.worker \
        '{"bundle": "DIR", "file": null, "engine": "null", "threads": 1}'

Standard output carries replies only: what a runtime prints there goes to standard error.
"""

import json
import os
import re
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import FashionError, MissingExtraError
from fashion_edge.isolated import ANSWER_TIMEOUT_S, ended_after

PROC = Path("/proc")
Clock = Callable[[], int]  # nanoseconds, monotonic
NS_PER_MS = 1e6


def read_memory(process: int | str = "self") -> dict[str, float | None]:
    """{"rss_mb", "peak_mb"}: resident memory of a process now and at its peak, in MB of 2^20 bytes; None if unknown.

    VmHWM belongs to this program alone; getrusage's ru_maxrss would also carry the parent's size over the fork.
    """
    status = PROC / str(process) / "status"
    text = status.read_text() if status.exists() else ""
    fields = dict(re.findall(r"(Vm\w+):\s+(\d+) kB", text))
    rss, peak = (round(int(fields[key]) / 1024, 2) if key in fields else None for key in ("VmRSS", "VmHWM"))
    return {"rss_mb": rss, "peak_mb": peak}


def time_runs(
    run: Callable[[NDArray[np.uint8]], object],
    inputs: Sequence[NDArray[np.uint8]],
    seconds: float,
    samples: int,
    limit: float = float("inf"),
    clock: Clock = time.perf_counter_ns,
) -> NDArray[np.float64]:
    """Milliseconds of each call of `run`, over `inputs` in turn.

    It ends when both minima, `seconds` and `samples`, are reached, or after `limit` seconds; one call is always timed.
    """
    taken: list[int] = []
    begin = clock()
    while True:
        batch = inputs[len(taken) % len(inputs)]
        start = clock()
        run(batch)
        stop = clock()
        taken.append(stop - start)
        elapsed = (stop - begin) * 1e-9
        if (elapsed >= seconds and len(taken) >= samples) or elapsed >= limit:
            return np.array(taken, np.float64) / NS_PER_MS


Reply = dict[str, Any]


class Worker:
    """Holds the backend between commands; each public method is a command."""

    def __init__(self, bundle: str, file: str | None, engine: str, threads: int) -> None:
        from fashion_edge.bundle import load_bundle
        from fashion_edge.golden import parse_golden

        self._bundle = load_bundle(Path(bundle))
        variants = self._bundle.manifest.variants
        self._variant = next((v for v in variants if v.file == file), variants[0])
        self._engine, self._threads = engine, threads
        inputs = parse_golden(self._bundle.read_golden()).inputs
        self._inputs = [inputs[i : i + 1] for i in range(len(inputs))]
        self._backend: Any = None

    def load(self) -> Reply:
        """Import the runtime, then load the model file as the device does, hash included."""
        from fashion_bench.cases import import_engine, open_engine

        with ended_after(ANSWER_TIMEOUT_S):
            start = time.perf_counter()
            import_engine(self._engine)
            imported = time.perf_counter()
            self._backend = open_engine(self._bundle, self._variant, self._engine, self._threads)
            loaded = time.perf_counter()
        return {
            "import_ms": (imported - start) * 1e3,
            "load_ms": (loaded - imported) * 1e3,
            "engine": self._backend.name,
        }

    def run(self, seconds: float, samples: int, limit: float) -> Reply:
        """Time single inferences over the golden inputs; `cpu_seconds` is this process's processor time."""
        with ended_after(ANSWER_TIMEOUT_S + limit):
            cpu, wall = time.process_time(), time.perf_counter()
            taken = time_runs(self._backend.run, self._inputs, seconds, samples, limit)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        return {"ms": [round(ms, 5) for ms in taken.tolist()], "seconds": wall, "cpu_seconds": cpu}

    def memory(self) -> Reply:
        """Resident memory now and at its peak."""
        return read_memory()

    def accuracy(self, photos: str) -> Reply:
        """Exact match on labelled photos, with the device's own preprocessing and decision."""
        from fashion_bench.endtoend import measure_accuracy

        return measure_accuracy(self._backend, self._bundle.manifest, Path(photos))

    def operations(self) -> Reply:
        """Multiplications and additions of one inference, counted from the graph."""
        from fashion_bench.operators import count_operations

        data = self._bundle.read(self._variant)
        return {"operations": count_operations(self._variant.runtime, data, self._inputs[0])}

    def operators(self) -> Reply:
        """Time of each operator."""
        from fashion_bench.operators import onnx_operators, tflite_operators

        profile = tflite_operators if self._variant.runtime == "litert" else onnx_operators
        return {"operators": profile(self._bundle.read(self._variant), self._threads, self._inputs[0])}

    def end_to_end(self, source: str, fps: float, seconds: float) -> Reply:
        """Frames through the device's pipeline, stage by stage."""
        from fashion_bench.endtoend import measure_end_to_end

        return measure_end_to_end(self._backend, self._bundle.manifest, source, fps, seconds, self._threads)


def serve(requests: TextIO, replies: TextIO, worker: Worker) -> None:
    """Answer each request; an expected error is a reply, and the process continues."""
    for line in requests:
        request = json.loads(line)
        command: Callable[..., Reply] = getattr(worker, request.pop("do"))
        try:
            reply = command(**request)
        except FashionError as error:
            reply = {"error": str(error), "missing": isinstance(error, MissingExtraError)}
        replies.write(json.dumps(reply) + "\n")
        replies.flush()


def main() -> int:
    """Keep the real standard output for replies, point the other one to standard error, and serve."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    try:
        worker = Worker(**json.loads(sys.argv[1]))
    except FashionError as error:
        replies.write(json.dumps({"error": str(error), "missing": False}) + "\n")
        return error.exit_status
    try:
        serve(sys.stdin, replies, worker)
    except (KeyboardInterrupt, BrokenPipeError):
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
