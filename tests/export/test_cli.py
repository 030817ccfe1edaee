"""The command line: flags that contradict each other, old spellings, exit statuses."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_edge.bundle import load_bundle
from fashion_export.cli import main

HEAVY = "{'tensorflow', 'keras', 'numpy', 'cv2', 'rich'}"


@pytest.fixture
def refused(tmp_path, capsys):
    """Run the command, expect status 2, one sentence and no output; returns the sentence."""

    def check(*args: object) -> str:
        out = tmp_path / "bundles" / "out"
        status = main([*map(str, args), "--out", str(out)])
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fashion-export: ")]
        assert status == 2
        assert len(lines) == 1
        assert not out.parent.exists() or not list(out.parent.iterdir())
        return lines[0]

    return check


def test_help_groups_options_and_has_examples_and_exit_statuses(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    for words in ("fashion-export --int8", "A Keras model from elsewhere:", "--dataset DIR", "Exit status:"):
        assert words in text


@pytest.mark.parametrize("code", ["import fashion_export.cli as c; c.main(['--help'])", "import fashion_export"])
def test_help_and_import_load_no_heavy_library(code):
    program = f"import sys; {code}; print(*{HEAVY} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize(
    ("args", "words"),
    [
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
        (["nowhere"], "nowhere is not a run folder"),
    ],
)
def test_flags_that_do_not_fit_are_refused(args, words, refused):
    assert words in refused(*args)


def test_no_run_at_all(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    assert "there is no run below runs/; make one with fashion-train" in refused()


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--labels", "red,red,a,b"], "different words"),
        (["--labels", "nowhere.pickle"], "does not exist"),
        (["--labels", "red,blue", "--groups", "colour=red,green"], "there is no label green"),
        (
            ["--labels", "red,blue,x", "--groups", "colour=red", "--groups", "colour=x"],
            "names the group 'colour' twice",
        ),
    ],
)
def test_labels_and_groups_are_checked_before_the_model(tmp_path, flags, words, refused):
    assert words in refused("--model", "m.keras", "--dataset", tmp_path, *flags)


def test_old_spellings_work_with_a_warning(tmp_path, capsys):
    args = ["--model", str(tmp_path / "m.keras"), "--labels", "red,blue,dress", "--calibration", str(tmp_path)]
    args += ["--group", "colour=red,blue", "--group", "garment=dress", "--no-mend", "--out", str(tmp_path / "out")]
    assert main(args) == 2
    err = capsys.readouterr().err
    for old, new in {"--calibration": "--dataset", "--group": "--groups", "--no-mend": "--no-repair"}.items():
        assert f"{old} is now called {new}" in err
    assert "m.keras does not exist" in err


def test_missing_extra_is_one_sentence_with_the_pip_command(untrained_run, monkeypatch, refused):
    monkeypatch.setattr("fashion_export.exporting.find_spec", lambda module: None if module == "tf2onnx" else object())
    assert "pip install 'fashion-edge[export]'" in refused(untrained_run)


def run_process(log: int, *args: object) -> int:
    """The status of the command with standard error written to `log`, buffered as it is by default."""
    code = "import sys; from fashion_export.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, args)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, stderr=log, env=env, check=False).returncode


@pytest.mark.slow
def test_log_on_a_full_disk_does_not_stop_the_export(run, tmp_path):
    with Path("/dev/full").open("w") as full:
        assert run_process(full.fileno(), run, "--tflite-only", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.slow
def test_closed_pipe_does_not_stop_the_export(run, tmp_path):
    """As in `fashion-export 2>&1 | head -1`."""
    read, write = os.pipe()
    os.close(read)
    assert run_process(write, run, "--tflite-only", "--out", tmp_path / "out") == 0
    os.close(write)
    assert (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.slow
def test_newest_run_is_the_default(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert "wrote bundles/tiny" in capsys.readouterr().err
    assert load_bundle(tmp_path / "bundles" / "tiny").manifest.provenance["run"]["name"] == "tiny"


@pytest.mark.slow
def test_photos_may_have_moved(run, photos, tmp_path, capsys):
    text = (run / "run.json").read_text()
    (run / "run.json").write_text(text.replace(str(photos), "gone"))
    assert main([str(run), "--out", str(tmp_path / "my bundle"), "--dataset", str(photos)]) == 0
    err = capsys.readouterr().err
    assert f"next: fashion-edge --bundle '{tmp_path / 'my bundle'}'" in err
    assert "warning: 40 held-out photos (160 decisions) are too few to prove parity: " in err


@pytest.mark.slow
def test_refused_network_has_status_3_and_its_layer_is_named(dead_units_run, tmp_path, capsys):
    assert main([str(dead_units_run), "--no-repair", "--tflite-only", "--out", str(tmp_path / "out")]) == 3
    message = capsys.readouterr().err.splitlines()[-1]
    for words in ("litert int8 flips", "the largest layer error is in", "norm: scale up to"):
        assert words in message
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_unreadable_photo_is_named_and_has_status_1(run, photos, tmp_path, capsys):
    photos = shutil.copytree(photos, tmp_path / "photos")
    (photos / "blue_dress" / "000.png").write_bytes(b"")
    assert main([str(run), "--dataset", str(photos), "--out", str(tmp_path / "out")]) == 1
    assert "000.png is empty" in capsys.readouterr().err
    assert "000.png is empty" in (tmp_path / "out" / "report.md").read_text()
