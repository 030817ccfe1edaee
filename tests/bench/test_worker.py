"""The worker process: timing, and one reply for each request."""

import io
import itertools
import json
import time

import numpy as np
import pytest

from fashion_bench.cases import open_engine
from fashion_bench.worker import Worker, serve, time_runs
from fashion_edge.backends import FakeBackend
from fashion_edge.bundle import load_bundle
from fashion_edge.golden import parse_golden

BATCH = np.zeros((1, 96, 96, 3), np.uint8)


def stepping_clock():
    """A clock that advances by exactly one millisecond each time it is read."""
    ticks = itertools.count(0, 1_000_000)
    return lambda: next(ticks)


@pytest.mark.parametrize(
    ("seconds", "samples", "limit", "count"),
    [(0, 5, 60, 5), (0.1, 5, 60, 50), (10, 10_000, 0.02, 10)],
    ids=["least samples", "least seconds", "limit before the minima"],
)
def test_a_block_ends_at_both_minima_or_the_limit(seconds, samples, limit, count):
    """A run of the fake takes 1 ms, and so does the reading between two runs."""
    fake = FakeBackend([0.5])
    assert time_runs(fake.run, [BATCH], seconds, samples, limit, stepping_clock()).tolist() == [1.0] * count
    assert fake.runs == count


def test_inputs_take_turns():
    seen = []
    batches = [np.full_like(BATCH, value) for value in (1, 2, 3)]
    time_runs(lambda batch: seen.append(int(batch.max())), batches, 0, 7, clock=stepping_clock())
    assert seen == [1, 2, 3, 1, 2, 3, 1]


def test_two_milliseconds_are_measured_as_two_milliseconds():
    slept = []

    def run(batch: np.ndarray) -> None:  # as long as the operating system makes it, by another clock
        start = time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW)
        time.sleep(0.002)
        slept.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC_RAW) - start) / 1e6)

    taken = time_runs(run, [BATCH], 0, 200)
    assert np.median(taken) == pytest.approx(np.median(slept), rel=0.05)
    assert min(slept) >= 2.0


def request(bundle, *requests: dict, engine: str = "litert", file: str = "model.float32.tflite") -> list[dict]:
    worker, replies = Worker(str(bundle), file, engine, 1), io.StringIO()
    serve(io.StringIO("".join(json.dumps(line) + "\n" for line in requests)), replies, worker)
    return [json.loads(line) for line in replies.getvalue().splitlines()]


@pytest.mark.parametrize(("engine", "name"), [("litert", "ai-edge-litert"), ("null", "fake")])
def test_one_reply_a_request(bundle_folder, engine, name):
    run = {"do": "run", "seconds": 0, "samples": 7, "limit": 5}
    load, run, memory = request(bundle_folder, {"do": "load"}, run, {"do": "memory"}, engine=engine)
    assert load["engine"].startswith(name)
    assert len(run["ms"]) == 7
    assert run["seconds"] * 1e3 >= sum(run["ms"]) * 0.99
    assert memory["peak_mb"] >= memory["rss_mb"] > 20


def test_an_expected_error_is_a_reply(bundle_folder):
    reply, after = request(bundle_folder, {"do": "load"}, {"do": "memory"}, engine="tflite-runtime")
    install = "pip install 'tflite-runtime==2.14' 'numpy<2' (Python 3.11 at most)"
    assert reply == {"error": f"tflite-runtime is not installed: {install}", "missing": True}
    assert after["rss_mb"] > 20


@pytest.mark.slow
def test_tensorflow_gives_the_same_scores_for_the_same_file(bundle_folder):
    pytest.importorskip("tensorflow")
    bundle = load_bundle(bundle_folder)
    variant, golden = bundle.find("litert"), parse_golden(bundle.read_golden())
    backend = open_engine(bundle, variant, "tensorflow", 1)
    assert backend.name.startswith("tensorflow ")
    np.testing.assert_allclose(backend.run(golden.inputs), golden.scores[variant.file], atol=1e-5)
