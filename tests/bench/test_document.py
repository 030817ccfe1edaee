"""Reading and merging the JSON of results."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from fashion_bench import read_document
from fashion_bench.document import Memory, merge
from fashion_edge.errors import UsageError

STAGES = {stage: [1.0] for stage in ("capture", "preprocess", "infer", "decide", "draw", "encode")}
STAGED = {"name": "x", "fps_asked": 30, "fps": 30, "cpu_ms_per_frame": 1.0, "cores_busy": 0.1, "stages_ms": STAGES}
SUSTAINED = {"name": "x", "verdict": "VALID", "reasons": [], "burst_p50_ms": 1.0, "sustained_p50_ms": 1.0, "ratio": 1.0}


@pytest.fixture
def written(make_result, make_document, tmp_path: Path) -> Path:
    document = make_document(
        replace(make_result(exact_match=0.9), memory=Memory(rss_mb=60.0)), make_result(threads=2, samples=[1.0, 2.0])
    )
    file = tmp_path / "old.json"
    file.write_text(json.dumps(document.to_json()))
    return file


def test_a_document_is_the_same_after_writing_and_reading(written):
    root = json.loads(written.read_text())
    assert json.loads(json.dumps(read_document(written).to_json())) == root
    assert root["notes"]["samples_ms"].startswith("every steady inference")
    assert root["results"][0]["rss_mb"] == root["results"][0]["memory"]["rss_mb"] == 60.0
    assert root["results"][1]["p99_note"] == "not enough samples for p99: 12 of 368"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("energy", {"gross_mj": 1.2, "net_mj": 1.0, "meter": "power1_input"}),
        ("ceiling", {"operations": 40_687_212, "gops": 320.9, "peak_gops": 433.7, "share_of_peak": 0.74}),
    ],
)
def test_figures_of_earlier_versions_are_left_out(written, key, value):
    root = json.loads(written.read_text())
    root["results"][0][key] = value
    written.write_text(json.dumps(root))
    kept = {key: value[key] for key in ("operations", "gops") if key in value} or None
    assert read_document(written).to_json()["results"][0].get(key) == kept


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *((text, "old.json") for text in ("", "{", "[]", "null")),
        ({"schema": 2, "results": "other"}, "has schema 2, and this version reads 1"),
        ({"kind": "pyperf"}, "is not a fashion-bench result"),
        ({"results": 7}, "results: expected array, got int"),
        ({"results": [{}]}, "results[0]: object missing required field variant"),
        ({"machine": 7}, "machine: expected object, got int"),
        ({"machine": {}}, "machine: object missing required field board"),
        ({"created": None}, "created: expected str, got null"),
        ({"skipped": [{}]}, "object missing required field reason"),
        ({"sections": {"sustained": [SUSTAINED]}}, "object missing required field windows"),
        ({"sections": {"sustained": [SUSTAINED | {"windows": []}]}}, "expected array of length >= 1"),
        ({"sections": {"end_to_end": [STAGED | {"fps": "fast"}]}}, "fps: expected float, got str"),
        ({"sections": {"end_to_end": [STAGED | {"stages_ms": STAGES | {"draw": []}}]}}, "one number a frame"),
    ],
)
def test_a_file_that_is_not_a_result_or_lacks_something_is_refused(written, change, words, run_bench):
    text = change if isinstance(change, str) else json.dumps(json.loads(written.read_text()) | change)
    written.write_text(text)
    _, error = run_bench("report", written, status=2)
    assert words in error
    assert error.endswith("; write one with fashion-bench --json\n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory": 60}, "memory: expected object"),
        ({"operators": [{"name": "CONV_2D"}]}, "missing required field ms"),
        ({"samples_ms": [1.0, 0.0]}, "expected float > 0"),
        ({"samples_ms": [float("nan")]}, "is not valid JSON"),
        ({"bytes": 10**400}, "bytes: expected int <= "),
    ],
)
def test_a_result_that_lacks_something_is_refused(written, change, words):
    root = json.loads(written.read_text())
    root["results"][1] |= change
    written.write_text(json.dumps(root))
    with pytest.raises(UsageError, match=words):
        read_document(written)


def test_results_of_like_machines_and_one_bundle_merge(make_result, make_document):
    def merge_with(**changes):
        return merge([(Path("a"), make_document(make_result())), (Path("b"), make_document(second, **changes))])

    second = make_result(threads=2)
    assert [result.threads for result in merge_with(machine={"python": "3.13.0"}).results] == [1, 2]
    with pytest.raises(UsageError, match="a and b come from unlike machines .cores 4 against 2."):
        merge_with(machine={"cores": 2})
    # rows of two bundles have the same names, and the JSON names only the first bundle
    with pytest.raises(UsageError, match="a and b are of two bundles, .* with --baseline"):
        merge_with(bundle={"name": "shipped", "files": {"model.int8.tflite": "f" * 64}})
