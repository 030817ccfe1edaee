import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fashion_bench import outputs
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


def test_a_reader_that_goes_away_costs_neither_a_file_nor_the_gate(make_result, make_document, tmp_path: Path):
    """As in `fashion-bench report now.json --baseline old.json --gate 1.05 | head -1`."""
    for name, p50 in (("old.json", 1.0), ("now.json", 1.5)):
        (tmp_path / name).write_text(json.dumps(make_document(make_result(p50=p50)).to_json()))
    flags = ["--baseline", "old.json", "--gate", "1.05", "--csv", "now.csv", "--markdown", "now.md"]
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "fashion_bench.cli", "report", "now.json", *flags],
        stdout=write, stderr=subprocess.PIPE, cwd=tmp_path, text=True, check=False,
    )  # fmt: skip
    os.close(write)
    assert done.returncode == 3
    assert "the gate 1.05 says no" in done.stderr
    assert (tmp_path / "now.csv").exists()
    assert (tmp_path / "now.md").exists()
