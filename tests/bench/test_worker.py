import io
import json

from fashion_bench.worker import Worker, serve


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
