"""The command as a user runs it, on the shipped bundle."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PIL import Image

from fashion_bench import Passes, Timing, benchmark, plan_cases
from fashion_bench.cli import main
from fashion_bench.endtoend import measure_accuracy
from fashion_bench.rounds import measure_rounds
from fashion_bench.verdict import evaluate
from fashion_edge.backends import open_backend
from fashion_edge.bundle import load_bundle
from fashion_edge.defaults import default_bundle
from fashion_edge.errors import BundleError
from fashion_edge.loading import load_profile
from fashion_edge.telemetry import FIRMWARE

QUICK = [f"--bundle={default_bundle()}", "--rounds=2", "--min-seconds=0.05", "--min-samples=40", "--threads=1"]
QUICK += ["--warmup-seconds=0.01", "--no-end-to-end"]
LITERT = ["--runtime=litert", "--precision=float32"]
BOTH = ["--runtime=litert", "--runtime=onnx", "--precision=float32"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Two pictures without garments, and a file that is not a picture."""
    folder = tmp_path_factory.mktemp("photos")
    for name, colour in (("red_dress/1.png", (200, 0, 0)), ("blue_shirt/1.png", (0, 0, 200))):
        (folder / name).parent.mkdir()
        Image.new("RGB", (64, 48), colour).save(folder / name)
    (folder / "red_dress" / "broken.jpg").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def measured(photos, tmp_path_factory) -> Path:
    """The JSON of a run with every pass."""
    file = tmp_path_factory.mktemp("all") / "all.json"
    args = [*BOTH, *QUICK, "--rounds", "4", "--json", str(file)]
    args += ["--photos", str(photos), "--operators", "--sustained", "2s", "--end-to-end", "--stage-seconds", "0.5"]
    assert main(args) == 1  # one of the photos cannot be read
    return file


@pytest.fixture(scope="module")
def document(measured) -> dict:
    return json.loads(measured.read_text())


@pytest.mark.slow
class TestWholeRun:
    def test_every_variant_has_its_figures(self, document):
        assert [(entry["variant"], entry["runtime"], entry["threads"]) for entry in document["results"]] == [
            ("model.float32.tflite", "litert", 1),
            ("model.onnx", "onnx", 1),
        ]
        for entry in document["results"]:
            assert 0 < entry["p50_ms"] <= entry["p90_ms"] <= entry["p99_ms"] <= entry["p99_9_ms"] <= entry["max_ms"]
            assert min(entry["load_ms"], entry["first_ms"]) > 0
            assert entry["memory"]["peak_mb"] >= entry["rss_mb"] > 20
            assert len(entry["samples_ms"]) == entry["samples"] == sum(block["samples"] for block in entry["rounds"])
            assert all(len(block["warmup_ms"]) >= 10 for block in entry["rounds"])

    def test_the_harness_and_the_machine_are_described_without_any_folder(self, document, bundle_folder):
        assert document["floor"]["runtime"] == "null"
        assert document["floor"]["p50_ms"] < 0.1
        assert document["machine"]["cores"] == os.cpu_count()
        assert document["machine"]["runtimes"]["ai-edge-litert"]
        assert str(bundle_folder.parent) not in json.dumps({**document, "command": ""})

    def test_accuracy_is_that_of_the_device_and_unreadable_photos_are_reported(self, document, bundle_folder, photos):
        bundle = load_bundle(bundle_folder)
        for entry in document["results"]:
            backend = open_backend(bundle, bundle.find(entry["runtime"]))
            assert entry["accuracy"] == measure_accuracy(backend, bundle.manifest, photos)
            assert entry["accuracy"]["photos"] == 2
        sentence = "1 of 3 photos could not be read, the first red_dress/broken.jpg; exact match leaves them out"
        assert [entry["reason"] for entry in document["skipped"]] == [sentence]

    def test_operations_are_counted_from_the_graph_and_the_slowest_operator_is_the_convolution(self, document):
        litert, onnx = (entry["ceiling"]["operations"] for entry in document["results"])
        assert litert == pytest.approx(onnx, rel=0.05)
        for entry in document["results"]:
            assert entry["ceiling"]["gops"] > 0
            assert "conv" in entry["operators"][0]["name"].lower()
            assert 0.5 < sum(operator["share"] for operator in entry["operators"]) <= 1.001

    def test_every_stage_is_timed_at_cadence_and_as_fast_as_it_goes(self, document):
        paced, free = document["sections"]["end_to_end"]
        assert (paced["fps_asked"], free["fps_asked"]) == (30, None)
        assert paced["fps"] < 31
        assert free["fps"] > paced["fps"]
        for found in (paced, free):
            assert list(found["stages_ms"]) == ["capture", "preprocess", "infer", "decide", "draw", "encode"]
            assert {len(ms) for ms in found["stages_ms"].values()} == {found["frames"]}
            assert found["cpu_ms_per_frame"] > 0

    def test_sustained_has_windows(self, document):
        (run,) = document["sections"]["sustained"]
        assert len(run["windows"]) == 2
        assert run["ratio"] == pytest.approx(run["sustained_p50_ms"] / run["burst_p50_ms"], rel=1e-3)
        assert run["verdict"] in ("VALID", "UNSTABLE", "INVALID")

    def test_report_renders_everything_from_the_json_alone(self, measured, document, tmp_path, run_bench):
        flags = [f"--{flag}={tmp_path / flag}" for flag in ("csv", "markdown", "plots", "json")]
        printed, _ = run_bench("report", measured, *flags)
        assert json.loads((tmp_path / "json").read_text()) == document
        plots = {file.name for file in (tmp_path / "plots").iterdir()}
        assert plots == {"latency.png", "pareto.png", "sustained.png"}
        assert len((tmp_path / "csv").read_text().splitlines()) == 3
        for words in ("litert float32", "operators of onnx float32 x1", "as fast as it goes", "million operations at"):
            assert words in printed

    def test_a_run_is_not_different_from_itself_and_fails_the_gate_while_invalid(self, measured, document, run_bench):
        invalid = any(entry["verdict"] == "INVALID" for entry in document["results"])
        gate = ["--baseline", measured, "--gate", "1.05"]
        out, err = run_bench("report", measured, *gate, status=3 if invalid else 0)
        assert out.count("no difference (ratio 1.000") == len(document["results"])
        assert ("cannot be compared" in err) == invalid


@pytest.mark.slow
def test_the_table_goes_to_standard_output_and_messages_to_standard_error(run_bench, tmp_path):
    too_few = ["--min-samples", "1000000", "--max-seconds", "0.02", "--json", tmp_path / "short.json"]
    out, err = run_bench("--runtime", "onnx", *QUICK, *too_few)
    for words in ("onnx float32", "INVALID", "at least 1000000 are needed"):
        assert words in out
    for words in ("1 case of", "2 rounds"):
        assert words in err
        assert words not in out
    (entry,) = json.loads((tmp_path / "short.json").read_text())["results"]
    assert entry["verdict"] == "INVALID"


def test_the_public_function_accepts_a_path(tmp_path):
    with pytest.raises(BundleError, match="nowhere"):
        benchmark(str(tmp_path / "nowhere"))


@pytest.mark.slow
def test_the_public_function_prints_nothing_and_reports_progress(bundle_folder, capfd):
    bundle, steps = load_bundle(bundle_folder), []
    document = benchmark(
        bundle,
        plan_cases(bundle, threads=(1,), engines=("litert",), precisions=("int8",)),
        Timing(rounds=1, min_seconds=0.02, min_samples=10, warmup_seconds=0.0),
        Passes(end_to_end=False),
        progress=lambda text, done, total: steps.append(text),
    )
    assert [result.case.name for result in document.results] == ["litert int8 x1"]
    assert {"litert int8 x1", "operations of litert int8 x1"} < set(steps)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--bundle", "none"], "is not a bundle folder; make one with fashion-export"),
        (["--precision", "int4"], "no variant fits int4; the bundle has litert int8, litert float32, onnx float32"),
        (["--json", "exists.json"], "exists.json exists already; name another, or allow overwriting"),
        (["--end-to-end", "--source", "nosuch.mp4"], "source nosuch.mp4 does not exist"),
        (["--fps", "nan"], "'--fps': nan is not a finite number; give one such as 10 or 0.5"),
        (["--profile", "p.json"], "--profile p.json is where --choose writes; add --choose"),
        (["--choose", "--profile", "/proc/p.json"], "--profile /proc/p.json cannot be written: "),
        (["--choose", "--profile", "/proc"], "--profile /proc is a folder; name a file"),
        (["--accuracy-floor", "0.9", "--photos", "."], "--accuracy-floor 0.9 is for --choose; add --choose"),
        (["--accuracy-floor", "0.9", "--choose"], "add --photos DIR"),
        (["--photos", "."], "names ['green'], not among the bundle's labels"),
        (["--gate", "1.05"], "--gate 1.05 needs something to compare with: add --baseline FILE"),
        (["--baseline", "old.json"], "has schema 99, and this version reads 1"),
        (["report", "now.json"], "--bundle is given before report; give it after report"),
        (["--sustained", "soon"], "duration 'soon' is not a number followed by s, m or h, like 10m"),
        (["--sustained", "0m"], "duration '0m' is not a number"),
        (["--sustained=-5s"], "duration '-5s' is not a number"),
        (["--sustained", "10 minutes"], "duration '10 minutes' is not a number"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_is_measured(run_bench, flags, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "green_dress").mkdir()
    (tmp_path / "exists.json").write_text("precious")
    (tmp_path / "old.json").write_text('{"kind": "fashion-bench", "schema": 99}')
    out, err = run_bench(*QUICK, *flags, status=2)
    assert message in err
    assert err.count("\n") == 1
    assert not out
    assert (tmp_path / "exists.json").read_text() == "precious"


@pytest.fixture
def worker_path(tmp_path, monkeypatch) -> Path:
    """A folder that workers import from first."""
    folder = tmp_path / "first"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("code", "death"),
    [
        # as onnxruntime before 1.32 does on a Cortex-A72
        ("os.kill(os.getpid(), signal.SIGILL)", "is killed by SIGILL (illegal instruction)"),
        ("os.kill(os.getpid(), signal.SIGRTMIN + 1)", f"is killed by signal {signal.SIGRTMIN + 1}"),
        # the highest descriptor is the copy of standard output that replies go to
        (
            "os.write(max(map(int, os.listdir('/proc/self/fd')[:-1])), b'{\"import_ms\": 1')\nos._exit(9)",
            "ends its process with status 9",
        ),
    ],
    ids=["signal", "signal without a name", "half a reply"],
)
def test_a_runtime_that_kills_its_process_is_skipped(run_bench, worker_path, code, death):
    (worker_path / "onnxruntime.py").write_text(f"import os, signal\n{code}\n")
    out, _ = run_bench(*BOTH, *QUICK, status=1)
    assert f"SKIPPED  onnx float32 x1: the worker {death} at load" in out
    assert "litert float32" in out


@pytest.mark.slow
def test_a_damaged_model_file_is_skipped(run_bench, bundle_folder, tmp_path):
    bundle = Path(shutil.copytree(bundle_folder, tmp_path / "bundle"))
    model = bundle / "model.onnx"
    model.write_bytes(model.read_bytes()[:-8])
    out, _ = run_bench(*BOTH, *QUICK, "--bundle", bundle, status=1)
    assert "cut short or swapped" in out


@pytest.mark.parametrize("command", [[], ["report"]])
def test_help_has_examples_and_exit_statuses(run_bench, command):
    out, _ = run_bench(*command, "--help")
    for words in ("fashion-bench report now.json --markdown", "130  interrupted", "--json FILE", "--plots DIR"):
        assert words in out


@pytest.mark.slow
def test_choose_writes_the_profile_or_gives_the_reason(run_bench, bundle_folder, photos, tmp_path):
    profile, file = tmp_path / "profile.json", tmp_path / "now.json"
    args = [*LITERT, "--choose", "--profile", profile, *QUICK]
    status = main([*map(str, args), "--json", str(file)])
    (entry,) = json.loads(file.read_text())["results"]
    if entry["verdict"] == "INVALID":  # a busy machine chooses nothing
        assert (status, profile.exists()) == (3, False)
    else:
        assert status == 0
        assert load_profile(profile).match(load_bundle(bundle_folder)).file == "model.float32.tflite"
    _, err = run_bench(*args, "--photos", photos, "--accuracy-floor", "1", status=3)
    assert "nothing can be chosen" in err


@pytest.mark.slow
def test_a_missing_runtime_is_skipped_and_where_nothing_is_measured_the_report_says_so(
    run_bench, worker_path, tmp_path, monkeypatch
):
    (worker_path / "sitecustomize.py").write_text("import sys\nsys.modules['onnxruntime'] = None\n")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    file = tmp_path / "none.json"
    outputs = ["--json", file, "--choose", "--profile", tmp_path / "profile.json"]
    out, err = run_bench("--runtime", "onnx", *QUICK, "--end-to-end", *outputs, status=3)
    assert "SKIPPED  onnx float32 x1: onnxruntime is not installed: pip install 'fashion-edge[onnx]'" in out
    assert "nothing can be chosen (nothing was measured)" in err
    run_bench("report", file, "--plots", tmp_path / "plots")
    assert not (tmp_path / "plots").exists()


@pytest.mark.slow
def test_a_pass_that_fails_is_reported_and_the_figures_stay(run_bench, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.jpg").write_bytes(b"no picture")
    args = [*LITERT, *QUICK, "--json", tmp_path / "now.json", "--end-to-end", "--source", tmp_path / "photos"]
    out, _ = run_bench(*args, status=1)
    assert "SKIPPED  end to end: litert float32 x1: source" in out
    (entry,) = json.loads((tmp_path / "now.json").read_text())["results"]
    assert entry["samples"] >= 40


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_an_interrupted_run_keeps_its_rounds_and_leaves_no_process(tmp_path, number):
    file = tmp_path / "part.json"
    args = [*LITERT, *QUICK, "--rounds=60", "--json", str(file), "--min-seconds", "30"]
    command = [sys.executable, "-m", "fashion_bench.cli", *args]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # a new session, so that the signal reaches the workers too, as Ctrl-C in a terminal does
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


@pytest.mark.slow
def test_a_throttled_board_is_invalid_from_sysfs_to_verdict(bundle_folder, tmp_path):
    (tmp_path / FIRMWARE).parent.mkdir(parents=True)
    (tmp_path / FIRMWARE).write_text("4\n")
    bundle = load_bundle(bundle_folder)
    timing = Timing(rounds=1, min_seconds=0.02, min_samples=5, warmup_seconds=0.0)
    cases = plan_cases(bundle, [1], ["litert"], ["int8"])
    (result,), skipped, completed = measure_rounds(bundle, cases, timing, lambda *_: None, root=tmp_path)
    assert completed
    assert not skipped
    found = evaluate(result, timing, 4, None)
    assert (found.verdict, found.reasons[0]) == ("INVALID", "the board reports throttled")
