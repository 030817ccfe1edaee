import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_bench import outputs
from fashion_bench.cli import main
from fashion_bench.outputs import Outputs
from fashion_edge.errors import MissingExtraError, OutputExistsError, UsageError


def test_plots_that_could_not_be_drawn_are_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(outputs, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"matplotlib is not installed: pip install 'fashion-edge\[bench\]'"):
        Outputs(plots=Path("plots")).check()
    assert Outputs().check() is None


def test_two_outputs_in_one_file_and_a_folder_for_a_file_are_refused(tmp_path: Path):
    with pytest.raises(UsageError, match="--json and --csv both name"):
        Outputs(json_file=tmp_path / "o", csv=tmp_path / "o").check()
    with pytest.raises(UsageError, match="--markdown .* is a folder; name a file"):
        Outputs(markdown=tmp_path).check()


def test_a_plot_that_is_there_already_is_told_before_anything_is_measured(tmp_path: Path):
    (tmp_path / "pareto.png").write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match=r"pareto\.png exists already"):
        Outputs(plots=tmp_path).check()
    assert Outputs(plots=tmp_path, overwrite=True).check() is None


def test_a_device_and_a_pipe_replace_nothing(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    assert Outputs(json_file=Path("/dev/null"), csv=Path("/dev/null"), markdown=tmp_path / "pipe").check() is None


@pytest.mark.parametrize("flag", ["json_file", "csv", "markdown", "plots"])
def test_a_place_that_cannot_be_written_is_told_before_anything_is_measured(flag: str):
    with pytest.raises(UsageError, match=r"--\w+ /proc/x.* cannot be written: .*; name another place"):
        Outputs(**{flag: Path("/proc/x")}).check()


@pytest.fixture
def slower(make_result, make_document, tmp_path: Path) -> Path:
    """A folder with old.json, and with now.json of a run that is slower."""
    for name, p50 in (("old.json", 1.0), ("now.json", 1.5)):
        (tmp_path / name).write_text(json.dumps(make_document(make_result(p50=p50)).to_json()))
    return tmp_path


def report(folder: Path, stdout: int, *flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fashion_bench.cli", "report", "now.json", "--baseline", "old.json", *flags]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, cwd=folder, text=True, check=False)


def test_a_reader_that_goes_away_costs_neither_a_file_nor_the_gate(slower: Path, unread: int):
    """As in `fashion-bench report now.json --baseline old.json --gate 1.05 | head -1`."""
    done = report(slower, unread, "--gate", "1.05", "--csv", "now.csv", "--markdown", "now.md")
    assert done.returncode == 3
    assert "the gate 1.05 says no" in done.stderr
    assert (slower / "now.csv").exists()
    assert (slower / "now.md").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_the_gate_speaks_where_the_table_cannot_be_printed(slower: Path):
    with Path("/dev/full").open("w") as full:
        assert report(slower, full.fileno(), "--gate", "1.05").returncode == 3
        assert report(slower, full.fileno(), "--gate", "2").returncode == 1  # the gate is content, the table is lost


def test_a_baseline_of_an_unlike_machine_is_refused_before_anything_is_written(
    make_result, make_document, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    other = make_document(make_result(), machine={"board": "Raspberry Pi 5", "cpu": "Cortex-A76"})
    monkeypatch.chdir(tmp_path)
    Path("now.json").write_text(json.dumps(make_document(make_result()).to_json()))
    Path("other.json").write_text(json.dumps(other.to_json()))
    assert main(["report", "now.json", "--baseline", "other.json", "--markdown", "t.md", "--csv", "t.csv"]) == 2
    assert "other.json and now.json come from unlike machines (board 'Raspberry Pi 5'" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["now.json", "other.json"]
