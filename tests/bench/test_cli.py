"""The command as a person runs it, on a small bundle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fashion_bench.cli import main

pytestmark = pytest.mark.slow

QUICK = [
    "--rounds",
    "2",
    "--min-seconds",
    "0.05",
    "--min-samples",
    "40",
    "--warmup-seconds",
    "0.01",
    "--threads",
    "1",
    "--no-end-to-end",
]


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
        assert len(entry["samples_ms"]) == entry["samples"] == sum(block["samples"] for block in entry["rounds"])


def test_warm_up_is_kept_apart(document):
    for entry in document["results"]:
        for block in entry["rounds"]:
            assert len(block["warmup_ms"]) >= 10


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


def test_a_worker_that_dies_by_a_nameless_signal_is_skipped_and_said(tiny_bundle, worker_path, capsys):
    (worker_path / "onnxruntime.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGRTMIN + 1)\n")
    assert main(["--bundle", str(tiny_bundle), "--runtime", "onnx", *QUICK]) == 1
    assert f"asked to load, was killed by signal {signal.SIGRTMIN + 1}" in capsys.readouterr().out


def test_a_worker_that_dies_amid_a_reply_is_skipped_and_said(tiny_bundle, worker_path, capsys):
    # what our own standard output was duplicated to is where replies go
    code = "import os\nos.write(max(map(int, os.listdir('/proc/self/fd')[:-1])), b'{\"import_ms\": 1')\nos._exit(9)\n"
    (worker_path / "onnxruntime.py").write_text(code)
    assert main(["--bundle", str(tiny_bundle), "--runtime", "onnx", *QUICK]) == 1
    assert "asked to load, ended with status 9" in capsys.readouterr().out


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


@pytest.fixture(scope="module")
def measured(tiny_bundle, photos, tmp_path_factory) -> Path:
    """A run with every pass, its JSON."""
    folder = tmp_path_factory.mktemp("all")
    args = ["--bundle", str(tiny_bundle), "--runtime", "litert", "--runtime", "onnx", *QUICK, "--rounds", "4"]
    args += ["--photos", str(photos), "--operators", "--sustained", "2s", "--end-to-end", "--stage-seconds", "0.5"]
    assert main([*args, "--json", str(folder / "all.json")]) == 1  # one of the photos is no picture
    return folder / "all.json"


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Two pictures that the tiny network was never taught, and a file that is no picture."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("photos")
    for name, colour in (("red_dress/1.png", (200, 0, 0)), ("blue_shirt/1.png", (0, 0, 200))):
        (folder / name).parent.mkdir()
        Image.new("RGB", (64, 48), colour).save(folder / name)
    (folder / "red_dress" / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_accuracy_is_that_of_the_device(measured, tiny_bundle, photos):
    from fashion_bench.endtoend import measure_accuracy
    from fashion_edge.backends import open_backend
    from fashion_edge.bundle import load_bundle

    bundle = load_bundle(tiny_bundle)
    for entry in json.loads(measured.read_text())["results"]:
        variant = bundle.find(entry["runtime"])
        assert entry["accuracy"] == measure_accuracy(open_backend(bundle, variant), bundle.manifest, photos)
        assert entry["accuracy"]["photos"] == 2
        assert entry["accuracy"]["unreadable"] == ["red_dress/broken.jpg"]


def test_photos_that_could_not_be_read_are_said(measured):
    skipped = json.loads(measured.read_text())["skipped"]
    sentence = "1 of 3 photos could not be read, the first red_dress/broken.jpg; exact match leaves them out"
    assert [entry["reason"] for entry in skipped] == [sentence]


def test_operations_are_counted_from_the_graph(measured):
    half, channels = 16, 8
    convolution, dense = 2 * half * half * channels * 27, 2 * channels * 4
    for entry in json.loads(measured.read_text())["results"]:
        assert convolution + dense < entry["ceiling"]["operations"] < 1.3 * (convolution + dense)
        assert 0 < entry["ceiling"]["share_of_peak"] < 1


def test_the_slowest_operator_is_the_convolution(measured):
    for entry in json.loads(measured.read_text())["results"]:
        assert "conv" in entry["operators"][0]["name"].lower()
        assert sum(operator["share"] for operator in entry["operators"]) == pytest.approx(1, abs=0.01)


def test_every_stage_is_timed_at_cadence_and_flat_out(measured):
    paced, flat_out = json.loads(measured.read_text())["sections"]["end_to_end"]
    assert paced["fps_asked"] == 30
    assert paced["fps"] < 31
    assert flat_out["fps_asked"] is None
    assert flat_out["fps"] > paced["fps"]
    for found in (paced, flat_out):
        assert list(found["stages_ms"]) == ["capture", "preprocess", "infer", "decide", "draw", "encode"]
        assert {len(ms) for ms in found["stages_ms"].values()} == {found["frames"]}
        assert found["cpu_ms_per_frame"] > 0


def test_sustained_has_windows(measured):
    (run,) = json.loads(measured.read_text())["sections"]["sustained"]
    assert len(run["windows"]) == 2
    assert run["ratio"] == pytest.approx(run["sustained_p50_ms"] / run["burst_p50_ms"], rel=1e-3)
    assert run["verdict"] in ("VALID", "UNSTABLE", "INVALID")


def test_report_renders_everything_from_the_json_alone(measured, tmp_path, capsys):
    out = ["--csv", str(tmp_path / "t.csv"), "--markdown", str(tmp_path / "t.md"), "--plots", str(tmp_path / "plots")]
    assert main(["report", str(measured), *out, "--json", str(tmp_path / "again.json")]) == 0
    assert json.loads((tmp_path / "again.json").read_text()) == json.loads(measured.read_text())
    assert {file.name for file in (tmp_path / "plots").iterdir()} == {"latency.png", "pareto.png", "sustained.png"}
    assert len((tmp_path / "t.csv").read_text().splitlines()) == 3
    printed = capsys.readouterr().out
    for words in ("litert float32", "operators of onnx float32 x1", "flat out", "of this CPU's measured peak", "█"):
        assert words in printed


def test_a_run_against_itself_is_no_difference_and_passes_no_gate_while_invalid(measured, capsys):
    data = json.loads(measured.read_text())
    status = main(["report", str(measured), "--baseline", str(measured), "--gate", "1.05"])
    out, err = capsys.readouterr()
    assert out.count("no difference (ratio 1.000") == len(data["results"])
    invalid = any(entry["verdict"] == "INVALID" for entry in data["results"])
    assert status == (3 if invalid else 0)
    assert ("cannot be judged" in err) == invalid


def test_a_gate_needs_a_baseline(measured, capsys):
    assert main(["report", str(measured), "--gate", "1.05"]) == 2
    assert "--gate 1.05 needs something to compare with: add --baseline FILE" in capsys.readouterr().err


def test_a_baseline_of_another_schema_is_refused_before_anything_is_measured(tiny_bundle, measured, tmp_path, capsys):
    old = tmp_path / "old.json"
    old.write_text(json.dumps(json.loads(measured.read_text()) | {"schema": 99}))
    assert main(["--bundle", str(tiny_bundle), "--baseline", str(old), *QUICK]) == 2
    out, err = capsys.readouterr()
    assert "has schema 99, this version reads 1; measure it again" in err
    assert not out


def test_a_gate_before_the_subcommand_is_not_dropped_in_silence(measured, capsys):
    assert main(["--baseline", str(measured), "--gate", "1.05", "report", str(measured)]) == 2
    assert "--baseline stands before report; put it behind" in capsys.readouterr().err


def test_an_accuracy_floor_is_for_choosing(tiny_bundle, photos, capsys):
    assert main(["--bundle", str(tiny_bundle), "--accuracy-floor", "0.9", "--photos", str(photos), *QUICK]) == 2
    assert "is what --choose asks for; add --choose" in capsys.readouterr().err


def test_an_accuracy_floor_needs_photos(tiny_bundle, capsys):
    assert main(["--bundle", str(tiny_bundle), "--accuracy-floor", "0.9", "--choose", *QUICK]) == 2
    assert "add --photos DIR" in capsys.readouterr().err


def test_choose_writes_what_the_device_will_run_or_says_why_not(tiny_bundle, photos, tmp_path, capsys):
    from fashion_edge.bundle import load_bundle
    from fashion_edge.loading import load_profile

    profile, file = tmp_path / "profile.json", tmp_path / "now.json"
    args = ["--bundle", str(tiny_bundle), "--runtime", "litert", "--choose", "--profile", str(profile), *QUICK]
    status = main([*args, "--json", str(file)])
    (entry,) = json.loads(file.read_text())["results"]
    if entry["verdict"] == "INVALID":  # a busy machine chooses nothing
        assert (status, profile.exists()) == (3, False)
    else:
        assert status == 0
        assert load_profile(profile).match(load_bundle(tiny_bundle)).file == "model.float32.tflite"
    assert main([*args, "--photos", str(photos), "--accuracy-floor", "1"]) == 3
    assert "nothing can be chosen" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--end-to-end", "--source", "nosuch.mp4"], "source nosuch.mp4 does not exist"),
        (["--fps", "nan"], "'--fps': nan is not a finite number; give one such as 10 or 0.5"),
        (["--profile", "p.json"], "--profile p.json is where --choose writes; add --choose"),
        (["--choose", "--profile", "/proc/p.json"], "--profile /proc/p.json cannot be written: "),
        (["--choose", "--profile", "/proc"], "--profile /proc is a folder; name a file"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_measured(tiny_bundle, flags, message, capsys):
    assert main(["--bundle", str(tiny_bundle), *QUICK, *flags]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("text", ["soon", "0m", "-5s", "10 minutes"])
def test_a_duration_that_is_none(tiny_bundle, text, capsys):
    assert main(["--bundle", str(tiny_bundle), "--sustained", text, *QUICK]) == 2
    assert "is not a number with s, m or h behind it, like 10m" in capsys.readouterr().err


def test_a_photo_folder_with_a_word_that_is_no_label(tiny_bundle, tmp_path, capsys):
    (tmp_path / "green_dress").mkdir()
    assert main(["--bundle", str(tiny_bundle), "--photos", str(tmp_path), *QUICK]) == 2
    assert "names ['green'], not among the bundle's labels" in capsys.readouterr().err


def test_where_nothing_can_be_measured_that_is_what_is_said(tiny_bundle, worker_path, monkeypatch, tmp_path, capsys):
    (worker_path / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    args = ["--bundle", str(tiny_bundle), "--runtime", "onnx", *QUICK, "--end-to-end", "--choose"]
    file = tmp_path / "none.json"
    assert main([*args, "--profile", str(tmp_path / "profile.json"), "--json", str(file)]) == 3
    out, err = capsys.readouterr()
    assert "SKIPPED" in out
    assert "nothing can be chosen (nothing was measured)" in err
    assert main(["report", str(file), "--plots", str(tmp_path / "plots")]) == 0
    assert not (tmp_path / "plots").exists()


def test_a_pass_that_fails_is_said_and_the_figures_stay(tiny_bundle, tmp_path, capsys):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    source = ["--end-to-end", "--source", str(tmp_path / "photos")]
    args = ["--bundle", str(tiny_bundle), "--runtime", "litert", *QUICK, *source]
    assert main([*args, "--json", str(tmp_path / "now.json")]) == 1
    assert "SKIPPED  end to end: litert float32 x1: source" in capsys.readouterr().out
    (entry,) = json.loads((tmp_path / "now.json").read_text())["results"]
    assert entry["samples"] >= 40


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_ctrl_c_keeps_the_rounds_that_are_over_and_leaves_no_process(tiny_bundle, tmp_path, number):
    import psutil

    file = tmp_path / "part.json"
    args = [
        "--bundle",
        str(tiny_bundle),
        "--runtime",
        "litert",
        "--threads",
        "1",
        "--rounds",
        "60",
        "--json",
        str(file),
    ]
    command = [sys.executable, "-m", "fashion_bench.cli", *args, "--min-seconds", "30"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # a session of its own, so that the signal reaches the workers too, as Ctrl-C in a terminal does
    running = subprocess.Popen(command, **pipes, text=True, start_new_session=True)
    workers: list[psutil.Process] = []
    seen: set[int] = set()
    while len(seen) < 4:  # two workers and their rounds are over
        workers = psutil.Process(running.pid).children(recursive=True)
        seen |= {worker.pid for worker in workers}
        time.sleep(0.02)
    os.killpg(running.pid, number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in err
    assert "interrupted at the rounds" in out
    assert not [worker for worker in workers if worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE]
    (entry,) = json.loads(file.read_text())["results"]
    assert entry["verdict"] == "INVALID"
    assert len(entry["rounds"]) >= 1


def test_a_throttled_board_is_invalid_from_sysfs_to_verdict(tiny_bundle, tmp_path):
    from fashion_bench.cases import plan_cases
    from fashion_bench.measure import Settings, measure
    from fashion_bench.verdict import Needs, judge
    from fashion_edge.bundle import load_bundle
    from fashion_edge.telemetry import FIRMWARE

    (tmp_path / FIRMWARE).parent.mkdir(parents=True)
    (tmp_path / FIRMWARE).write_text("4\n")
    bundle = load_bundle(tiny_bundle)
    settings = Settings(rounds=1, min_seconds=0.02, min_samples=5, warmup_seconds=0.0)
    (result,), skipped, whole = measure(
        bundle, plan_cases(bundle, [1], ["litert"]), settings, lambda *_: None, root=tmp_path
    )
    assert whole
    assert not skipped
    found = judge(result, Needs(0.02, 5), 4, None)
    assert (found.verdict, found.reasons[0]) == ("INVALID", "the board reports throttled")
