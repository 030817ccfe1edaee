"""The reference figures in the repository: whole, true to their raw samples, and silent about where they were made."""

import json
import re
from pathlib import Path

import pytest

from fashion_bench.document import KIND, read_document
from fashion_bench.table import to_markdown

RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
FILES = sorted(RESULTS.glob("*.json"))
ABSOLUTE_PATH = re.compile(r"(?<![\w.:/-])/[\w.-]+/[\w./-]*")  # from the root down; a relative path or a URL is none


def test_there_are_reference_figures():
    assert FILES


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_each_names_its_machine_and_no_folder_of_it(file):
    data = json.loads(file.read_text())
    assert data["machine"]["cpu"]
    assert data["machine"]["cores"] > 0
    told = json.dumps({key: value for key, value in data.items() if key != "results"})
    assert ABSOLUTE_PATH.findall(told) == []


@pytest.mark.parametrize("told", ["--run /home/me/runs/first", '"/tmp/x.json"', "--photos=/var/photos/val"])
def test_a_folder_of_the_machine_would_be_noticed(told):
    assert ABSOLUTE_PATH.search(told)


@pytest.mark.parametrize(
    "file", [f for f in FILES if json.loads(f.read_text()).get("kind") == KIND], ids=lambda f: f.name
)
def test_its_table_is_what_its_samples_say(file):
    assert file.with_suffix(".md").read_text() == to_markdown(read_document(file))
