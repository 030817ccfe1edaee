"""The command as a person runs it, on a small bundle."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_bench.cli import main

QUICK = ["--rounds", "2", "--min-seconds", "0.05", "--min-samples", "40", "--warmup-seconds", "0.01", "--threads", "1"]


@pytest.fixture(scope="module")
def document(tiny_bundle, tmp_path_factory) -> dict:
    """What one quick run over both variants writes."""
    file = tmp_path_factory.mktemp("out") / "now.json"
    args = ["--bundle", str(tiny_bundle), "--runtime", "litert", "--runtime", "onnx", "--json", str(file), *QUICK]
    assert main(args) == 0
    return json.loads(file.read_text())


def test_every_variant_has_its_figures(document):
    assert [(entry["variant"], entry["runtime"], entry["threads"]) for entry in document["results"]] == [
        ("model.float32.tflite", "litert", 1),
        ("model.onnx", "onnx", 1),
    ]
    for entry in document["results"]:
        assert 0 < entry["p50_ms"] <= entry["p90_ms"] <= entry["p99_ms"] <= entry["p99_9_ms"] <= entry["max_ms"]
        assert entry["load_ms"] > 0
        assert entry["first_ms"] > 0
        assert entry["memory"]["peak_mb"] >= entry["rss_mb"] > 20
        assert entry["energy_mj"] == "not measured"
        assert len(entry["samples_ms"]) == entry["samples"] == sum(block["samples"] for block in entry["rounds"])


def test_warm_up_is_kept_apart(document):
    for entry in document["results"]:
        for block in entry["rounds"]:
            assert len(block["warmup_ms"]) >= 10
            assert sum(block["warmup_ms"]) >= 9  # --warmup-seconds 0.01, the harness's own steps between


def test_the_harness_measures_itself(document):
    assert document["floor"]["runtime"] == "null"
    assert document["floor"]["p50_ms"] < 0.1


def test_the_machine_is_described_and_nothing_names_a_folder(document, tiny_bundle):
    assert document["machine"]["cores"] == os.cpu_count()
    assert document["machine"]["runtimes"]["ai-edge-litert"]
    told = {key: value for key, value in document.items() if key != "command"}
    assert str(tiny_bundle.parent) not in json.dumps(told)


def test_the_table_goes_to_standard_output_and_the_rest_to_standard_error(tiny_bundle, capsys):
    assert main(["--bundle", str(tiny_bundle), "--runtime", "litert", *QUICK]) == 0
    out, err = capsys.readouterr()
    assert "litert float32" in out
    assert "p50" in out
    assert "2 rounds" in err
    assert "2 rounds" not in out


def test_too_few_samples_are_invalid_and_p99_is_not_claimed(tiny_bundle, tmp_path, capsys):
    file = tmp_path / "short.json"
    limits = [*QUICK, "--min-samples", "1000000", "--max-seconds", "0.02", "--json", str(file)]
    assert main(["--bundle", str(tiny_bundle), "--runtime", "onnx", *limits]) == 0
    entry = json.loads(file.read_text())["results"][0]
    assert entry["verdict"] == "INVALID"
    assert any("at least 1000000 are needed" in reason for reason in entry["reasons"])
    assert "at least 1000000 are needed" in capsys.readouterr().out


def test_no_bundle(tmp_path, capsys):
    assert main(["--bundle", str(tmp_path / "none"), *QUICK]) == 2
    assert "is not a bundle folder; make one with fashion-export" in capsys.readouterr().err


def test_no_variant_of_that_precision(tiny_bundle, capsys):
    assert main(["--bundle", str(tiny_bundle), "--precision", "int8", *QUICK]) == 2
    assert "no variant fits int8; the bundle has litert float32, onnx float32" in capsys.readouterr().err


def test_an_output_that_exists_is_refused_before_anything_is_measured(tiny_bundle, tmp_path, capsys):
    file = tmp_path / "old.json"
    file.write_text("precious")
    assert main(["--bundle", str(tiny_bundle), "--json", str(file), *QUICK]) == 2
    assert file.read_text() == "precious"
    assert "add --overwrite" in capsys.readouterr().err


@pytest.fixture
def worker_path(tmp_path, monkeypatch) -> Path:
    """A folder that workers import from first."""
    folder = tmp_path / "first"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


def test_a_runtime_that_is_missing_is_skipped_and_said(tiny_bundle, worker_path, monkeypatch, capsys):
    (worker_path / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["--bundle", str(tiny_bundle), "--runtime", "litert", "--runtime", "onnx", *QUICK]) == 1
    out = capsys.readouterr().out
    assert "SKIPPED  onnx float32 x1: onnxruntime is not installed: pip install 'fashion-edge[onnx]'" in out
    assert "litert float32" in out


def test_a_runtime_that_kills_its_process_is_named_and_the_rest_go_on(tiny_bundle, worker_path, capsys):
    # as onnxruntime before 1.32 does on a Cortex-A72
    (worker_path / "onnxruntime.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    assert main(["--bundle", str(tiny_bundle), "--runtime", "litert", "--runtime", "onnx", *QUICK]) == 1
    out = capsys.readouterr().out
    assert "SKIPPED  onnx float32 x1: the worker, asked to load, was killed by SIGILL" in out
    assert "litert float32" in out


def test_a_damaged_model_file_is_skipped_and_said(tiny_bundle, tmp_path, capsys):
    bundle = Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))
    model = bundle / "model.onnx"
    model.write_bytes(model.read_bytes()[:-8])
    assert main(["--bundle", str(bundle), "--runtime", "litert", "--runtime", "onnx", *QUICK]) == 1
    assert "cut short or swapped" in capsys.readouterr().out


def test_help_has_an_example(capsys):
    assert main(["--help"]) == 0
    assert "fashion-bench --json now.json" in capsys.readouterr().out


def test_importing_the_command_loads_nothing_heavy():
    code = "import sys, fashion_bench.cli; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"numpy", "rich", "psutil", "scipy", "matplotlib", "tensorflow", "onnxruntime"} & set(loaded)
