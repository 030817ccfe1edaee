import json
from dataclasses import replace
from pathlib import Path

import pytest

from fashion_bench.cli import main
from fashion_bench.document import merge, read_document
from fashion_bench.table import to_csv, to_markdown
from fashion_edge.errors import UsageError


@pytest.fixture
def written(make_result, make_document, tmp_path) -> Path:
    document = make_document(
        make_result().with_extras(accuracy={"photos": 10, "exact_match": 0.9}, memory={"rss_mb": 60.0}),
        make_result(threads=2, samples=[1.0, 2.0]),
    )
    file = tmp_path / "old.json"
    file.write_text(json.dumps(document.to_json()))
    return file


def test_a_document_comes_back_from_its_json_alone(written):
    document = read_document(written)
    assert document.to_json() == json.loads(written.read_text())


def test_every_unit_has_a_note(written):
    assert json.loads(written.read_text())["notes"]["samples_ms"].startswith("every steady inference")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"schema": 2}, "has schema 2, this version reads 1"),
        ({"kind": "pyperf"}, "is not a fashion-bench result"),
        ({"results": [{}]}, "is not whole"),
        ({"results": 7}, "is not whole"),
    ],
)
def test_another_schema_is_refused(written, change, words):
    written.write_text(json.dumps(json.loads(written.read_text()) | change))
    with pytest.raises(UsageError, match=words):
        read_document(written)


STAGES = {stage: [1.0] for stage in ("capture", "preprocess", "infer", "decide", "draw", "encode")}
STAGED = {"name": "x", "fps_asked": 30, "fps": 30, "cpu_ms_per_frame": 1.0, "cores_busy": 0.1, "stages_ms": STAGES}
SUSTAINED = {"name": "x", "verdict": "VALID", "reasons": [], "burst_p50_ms": 1.0, "sustained_p50_ms": 1.0, "ratio": 1.0}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"machine": 7}, "is not whole: machine must be dict, not 7; measure it again"),
        ({"machine": {}}, "is not whole: machine has no board"),
        ({"created": None}, "created must be str"),
        ({"skipped": [{}]}, "an entry of skipped has no reason"),
        ({"sections": {"sustained": [SUSTAINED]}}, "an entry of sustained has no windows"),
        ({"sections": {"sustained": [SUSTAINED | {"windows": []}]}}, "windows is empty"),
        ({"sections": {"end_to_end": [STAGED | {"fps": "fast"}]}}, "fps must be int or float, not 'fast'"),
        ({"sections": {"end_to_end": [STAGED | {"stages_ms": STAGES | {"draw": []}}]}}, "one number a frame"),
    ],
)
def test_what_the_tables_read_must_be_there(written, change, words, capsys):
    written.write_text(json.dumps(json.loads(written.read_text()) | change))
    assert main(["report", str(written)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"memory": 60}, "memory must be dict"),
        ({"operators": [{"name": "CONV_2D"}]}, "an entry of operators has no ms"),
        ({"samples_ms": [1.0, 0.0]}, "samples_ms must be numbers above 0"),
        ({"samples_ms": [float("nan")]}, "samples_ms must be numbers above 0"),
        ({"bytes": 10**400}, "bytes must be a number"),
    ],
)
def test_what_the_tables_read_of_a_result_must_be_there(written, change, words):
    root = json.loads(written.read_text())
    root["results"][1] |= change
    written.write_text(json.dumps(root))
    with pytest.raises(UsageError, match=words):
        read_document(written)


@pytest.mark.parametrize("text", ["", "{", "[]", "null"])
def test_what_is_no_result_is_refused(tmp_path, text):
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="write one with fashion-bench --json"):
        read_document(file)


def test_results_of_like_machines_merge(make_result, make_document):
    one = make_document(make_result(), sections={"sustained": [1]})
    other = make_document(make_result(threads=2), machine={"python": "3.13.0"}, sections={"sustained": [2]})
    merged = merge([(Path("a"), one), (Path("b"), other)])
    assert [result.case.threads for result in merged.results] == [1, 2]
    assert merged.sections == {"sustained": [1, 2]}


def test_results_of_unlike_machines_do_not(make_result, make_document):
    one, other = make_document(make_result()), make_document(make_result(), machine={"cores": 2})
    with pytest.raises(UsageError, match="a and b come from unlike machines .cores 4 against 2."):
        merge([(Path("a"), one), (Path("b"), other)])


def test_results_of_two_bundles_do_not_stand_in_one_table(make_result, make_document):
    """Their rows are called alike, and the JSON would say that all are of the first."""
    one = make_document(make_result())
    other = replace(one, bundle={**one.bundle, "files": {"model.int8.tflite": "f" * 64}})
    with pytest.raises(UsageError, match="a and b are of two bundles, .* with --baseline"):
        merge([(Path("a"), one), (Path("b"), other)])


def test_csv_leaves_out_what_the_samples_do_not_carry(written):
    first, second = to_csv(read_document(written)).splitlines()[1:]
    columns = to_csv(read_document(written)).splitlines()[0].split(",")
    row = dict(zip(columns, first.split(","), strict=True))
    assert float(row["p50_low_ms"]) <= float(row["p50_ms"]) <= float(row["p50_high_ms"])
    assert (row["exact_match"], row["rss_mb"], row["p99_9_ms"]) == ("0.9", "60.0", "")
    assert dict(zip(columns, second.split(","), strict=True))["p90_ms"] == ""


def test_markdown_has_the_machine_and_the_command(written):
    text = to_markdown(read_document(written))
    assert text.startswith("| variant | threads |")
    assert "4 x Cortex-A72" in text
    assert "`fashion-bench --json now.json`" in text
    assert "| 90.0% |" in text
