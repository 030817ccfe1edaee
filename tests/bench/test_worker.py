import io
import json

import numpy as np
import pytest

from fashion_bench.cases import open_engine
from fashion_bench.worker import Worker, serve
from fashion_edge.bundle import load_bundle
from fashion_edge.golden import parse_golden


def ask(bundle, *requests: dict, engine: str = "litert", file: str = "model.float32.tflite") -> list[dict]:
    worker = Worker(str(bundle), file, engine, 1)
    replies = io.StringIO()
    serve(io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), replies, worker)
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_one_reply_a_request(tiny_bundle):
    load, run, memory = ask(
        tiny_bundle, {"do": "load"}, {"do": "run", "seconds": 0, "samples": 7, "limit": 5}, {"do": "memory"}
    )
    assert load["engine"].startswith("ai-edge-litert")
    assert len(run["ms"]) == 7
    assert run["seconds"] * 1e3 >= sum(run["ms"]) * 0.99
    assert memory["rss_mb"] > 20


def test_an_expected_error_is_a_reply(tiny_bundle):
    reply, after = ask(tiny_bundle, {"do": "load"}, {"do": "memory"}, engine="tflite-runtime")
    assert reply == {
        "error": "tflite-runtime is not installed: pip install 'tflite-runtime==2.14' 'numpy<2' (Python 3.11 at most)",
        "missing": True,
    }
    assert after["rss_mb"] > 20


def test_the_null_backend_needs_no_model(tiny_bundle):
    load, run = ask(tiny_bundle, {"do": "load"}, {"do": "run", "seconds": 0, "samples": 3, "limit": 5}, engine="null")
    assert load["engine"] == "fake"
    assert len(run["ms"]) == 3


@pytest.mark.slow
def test_tensorflow_runs_the_same_file_to_the_same_scores(tiny_bundle):
    pytest.importorskip("tensorflow")
    bundle = load_bundle(tiny_bundle)
    variant = bundle.find("litert")
    inputs = parse_golden(bundle.read_golden()).inputs
    backend = open_engine(bundle, variant, "tensorflow", 1)
    assert backend.name.startswith("tensorflow ")
    np.testing.assert_allclose(backend.run(inputs), parse_golden(bundle.read_golden()).scores[variant.file], atol=1e-5)
