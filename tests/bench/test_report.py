"""Outputs: checked before measuring, written whole, and the reference figures of the repository."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from fashion_bench import read_document, report
from fashion_bench.document import KIND, Memory
from fashion_bench.report import Outputs, to_csv, to_markdown
from fashion_edge.errors import MissingExtraError, OutputExistsError, UsageError

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
FILES = sorted(RESULTS.glob("*.json"))
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/-])/[\w.-]+/[\w./-]*")  # not a relative path, and not a URL


def test_plots_without_matplotlib_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(report, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"matplotlib is not installed: pip install 'fashion-edge\[bench\]'"):
        Outputs(plots=Path("plots")).check()
    assert Outputs().check() is None


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"json_file": "o", "csv": "o"}, "--json and --csv both name"),
        ({"markdown": "."}, "--markdown .* is a folder; name a file"),
        ({"plots": "."}, r"pareto\.png exists already"),
        *(
            ({flag: "/proc/x"}, r"--\w+ /proc/x.* cannot be written: .*; name another place")
            for flag in ("json_file", "csv", "markdown", "plots")
        ),
    ],
)
def test_outputs_that_cannot_be_written_are_refused(tmp_path: Path, outputs: dict[str, str], words: str):
    (tmp_path / "pareto.png").write_bytes(b"precious")
    with pytest.raises((UsageError, OutputExistsError), match=words):
        Outputs(**{flag: tmp_path / place for flag, place in outputs.items()}).check()


def test_outputs_that_can_be_written(tmp_path: Path):
    (tmp_path / "pareto.png").write_bytes(b"precious")
    assert Outputs(plots=tmp_path, overwrite=True).check() is None
    os.mkfifo(tmp_path / "pipe")
    null = Path("/dev/null")  # devices and pipes may be named twice
    assert Outputs(json_file=null, csv=null, markdown=tmp_path / "pipe").check() is None


@pytest.fixture
def slower(make_result, make_document, tmp_path: Path) -> Path:
    """A folder with old.json, and with now.json of a run that is slower."""
    for name, p50 in (("old.json", 1.0), ("now.json", 1.5)):
        (tmp_path / name).write_text(json.dumps(make_document(make_result(p50=p50)).to_json()))
    return tmp_path


def run_report(folder: Path, stdout: int, *flags: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "fashion_bench.cli", "report", "now.json", "--baseline", "old.json", *flags]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, cwd=folder, text=True, check=False)


def test_a_closed_standard_output_loses_neither_a_file_nor_the_gate(slower: Path):
    """As in `fashion-bench report now.json --baseline old.json --gate 1.05 | head -1`."""
    read, write = os.pipe()
    os.close(read)
    done = run_report(slower, write, "--gate", "1.05", "--csv", "now.csv", "--markdown", "now.md")
    os.close(write)
    assert done.returncode == 3
    assert "the gate 1.05 says no" in done.stderr
    assert (slower / "now.csv").exists()
    assert (slower / "now.md").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_the_gate_decides_where_the_table_cannot_be_printed(slower: Path):
    with Path("/dev/full").open("w") as full:
        assert run_report(slower, full.fileno(), "--gate", "1.05").returncode == 3
        assert run_report(slower, full.fileno(), "--gate", "2").returncode == 1  # the gate passes, the table is lost


def test_a_baseline_of_an_unlike_machine_is_refused_before_anything_is_written(
    slower: Path, make_result, make_document, monkeypatch: pytest.MonkeyPatch, run_bench
):
    monkeypatch.chdir(slower)
    other = make_document(make_result(), machine={"board": "Raspberry Pi 5", "cpu": "Cortex-A76"})
    Path("old.json").write_text(json.dumps(other.to_json()))
    command = ["report", "now.json", "--baseline", "old.json", "--markdown", "t.md", "--csv", "t.csv"]
    _, error = run_bench(*command, status=2)
    assert "old.json and now.json come from unlike machines (board 'Raspberry Pi 5'" in error
    assert sorted(path.name for path in slower.iterdir()) == ["now.json", "old.json"]


def test_csv_leaves_figures_with_too_few_samples_empty(make_result, make_document):
    full = replace(make_result(exact_match=0.9), memory=Memory(rss_mb=60.0))
    text = to_csv(make_document(full, make_result(threads=2, samples=[1.0, 2.0])))
    columns, *rows = (line.split(",") for line in text.splitlines())
    first, second = (dict(zip(columns, row, strict=True)) for row in rows)
    assert float(first["p50_low_ms"]) <= float(first["p50_ms"]) <= float(first["p50_high_ms"])
    assert (first["exact_match"], first["rss_mb"], first["p99_9_ms"]) == ("0.9", "60.0", "")
    assert second["p90_ms"] == ""


def test_markdown_has_the_machine_and_the_command(make_result, make_document):
    text = to_markdown(make_document(make_result(exact_match=0.9)))
    assert text.startswith("| variant | threads |")
    assert "4 x Cortex-A72" in text
    assert "`fashion-bench --json now.json`" in text
    assert "| 90.0% |" in text


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_reference_figures_name_their_machine_and_no_folder_of_it(file: Path):
    data = json.loads(file.read_text())
    assert data["machine"]["cpu"]
    assert data["machine"]["cores"] > 0
    metadata = json.dumps({key: value for key, value in data.items() if key != "results"})
    assert ABSOLUTE_PATH.findall(metadata) == []


def test_reference_tables_are_rendered_from_their_samples():
    files = [file for file in FILES if json.loads(file.read_text()).get("kind") == KIND]
    assert files
    for file in files:
        assert file.with_suffix(".md").read_text() == to_markdown(read_document(file))
