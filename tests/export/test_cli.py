"""The command line: flags that contradict each other, old spellings, exit statuses."""

import os
import shutil
import subprocess
import sys

import pytest

from fashion_edge.bundle import load_bundle
from fashion_export.cli import main

MODEL = ["--model", "m.keras", "--dataset", "."]


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ([], "there is no run below runs/; make one with fashion-train"),
        (["nowhere"], "nowhere is not a run folder"),
        (["--model", "m.keras"], "--model needs --labels"),
        (["--model", "m.keras", "--labels", "a,b"], "--model needs --dataset"),
        (["--labels", "a,b"], "--labels is for a model named with --model"),
        (["--channels", "BGR"], "--channels is for a model named with --model"),
        (["--groups", "colour=red,blue"], "--groups is for a model named with --model"),
        (["run", "--model", "m.keras"], "a run and --model are named"),
        (["run", "--run", "other"], "two runs are named"),
        (["--tflite-only", "--onnx-only"], "leave nothing to make"),
        (["--int8", "--all"], "two sets of variants"),
        (["--max-flips", "-1"], "--max-flips"),
        (["--io", "int4"], "--io"),
        (["--int9"], "--int9"),
        ([*MODEL, "--labels", "red,red,a,b"], "different words"),
        ([*MODEL, "--labels", "nowhere.pickle"], "does not exist"),
        ([*MODEL, "--labels", "red,blue", "--groups", "colour=red,green"], "there is no label green"),
        ([*MODEL, "--labels", "a,b", "--groups", "x=a", "--groups", "x=b"], "names the group 'x' twice"),
    ],
)
def test_arguments_that_cannot_work_are_refused_in_one_sentence(args, words, tmp_path, monkeypatch, run_export):
    monkeypatch.chdir(tmp_path)
    err = run_export(*args, status=2)
    assert words in err
    assert err.count("fashion-export: ") == 1
    assert not list(tmp_path.iterdir())


def test_old_spellings_work_with_a_warning(tmp_path, capsys):
    args = ["--model", str(tmp_path / "m.keras"), "--labels", "red,blue,dress", "--calibration", str(tmp_path)]
    args += ["--group", "colour=red,blue", "--group", "garment=dress", "--no-mend", "--out", str(tmp_path / "out")]
    assert main(args) == 2
    err = capsys.readouterr().err
    for old, new in {"--calibration": "--dataset", "--group": "--groups", "--no-mend": "--no-repair"}.items():
        assert f"{old} is now called {new}" in err
    assert "m.keras does not exist" in err


def test_missing_extra_is_one_sentence_with_the_pip_command(untrained_run, monkeypatch, run_export):
    monkeypatch.setattr("fashion_export.exporting.find_spec", lambda module: None if module == "tf2onnx" else object())
    assert "pip install 'fashion-edge[export]'" in run_export(untrained_run, status=2)


def open_full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def open_closed_pipe() -> int:
    """As in `fashion-export 2>&1 | head -1`."""
    read, write = os.pipe()
    os.close(read)
    return write


@pytest.mark.slow
@pytest.mark.parametrize("open_log", [open_full_disk, open_closed_pipe])
def test_log_that_cannot_be_written_does_not_stop_the_export(run, tmp_path, open_log):
    """Standard error is buffered, as it is by default."""
    code = "import sys; from fashion_export.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, str(run), "--tflite-only", "--out", str(tmp_path / "out")]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    log = open_log()
    assert subprocess.run(command, stderr=log, env=env, check=False).returncode == 0
    os.close(log)
    assert (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.slow
def test_newest_run_is_the_default(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert "wrote bundles/tiny" in capsys.readouterr().err
    assert load_bundle(tmp_path / "bundles" / "tiny").manifest.provenance["run"]["name"] == "tiny"


@pytest.mark.slow
def test_photos_may_have_moved(run, photos, tmp_path, run_export):
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text.replace(str(photos), "gone"))
    err = run_export(run, "--out", tmp_path / "my bundle", "--dataset", photos)
    assert f"next: fashion-edge --bundle '{tmp_path / 'my bundle'}'" in err
    assert "warning: 40 held-out photos (160 decisions) are too few to prove parity: " in err


@pytest.mark.slow
def test_refused_network_has_status_3_and_its_layer_is_named(dead_units_run, tmp_path, run_export):
    err = run_export(dead_units_run, "--no-repair", "--tflite-only", status=3)
    for words in ("litert int8 flips", "the largest layer error is in", "norm: scale up to"):
        assert words in err.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_unreadable_photo_is_named_and_has_status_1(run, photos, tmp_path, run_export):
    photos = shutil.copytree(photos, tmp_path / "photos")
    (photos / "blue_dress" / "000.png").write_bytes(b"")
    assert "000.png is empty" in run_export(run, "--dataset", photos, status=1)
    assert "000.png is empty" in (tmp_path / "out" / "report.md").read_text()
