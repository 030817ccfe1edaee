"""Several seeds in one table, and what may not stand in one."""

import importlib.util
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def seeds():
    spec = importlib.util.spec_from_file_location("training_seeds", ROOT / "benchmarks" / "training_seeds.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_run(folder, seed, exact, recipe="default", width=96):
    folder.mkdir()
    run = {
        "seed": seed,
        "recipe": {"name": recipe},
        "input": {"height": 120, "width": width},
        "dataset": {"sha256": "a" * 64},
        "versions": {"tensorflow": "2", "keras": "3"},
        "command": "fashion-train --dataset ../home/me/photos --out runs/first",
        "metrics": {"test": {"photos": 100, "label_accuracy": 0.99, "exact_match": exact}},
        "negatives": {},
        "recoloured": {},
    }
    (folder / "run.json").write_text(json.dumps(run))
    return str(folder)


def test_the_table_has_the_mean_and_the_range(seeds, tmp_path, capsys):
    runs = [write_run(tmp_path / str(seed), seed, exact) for seed, exact in ((1, 0.9), (2, 0.96), (3, 0.99))]
    assert seeds.main([*runs, "--markdown", str(tmp_path / "seeds.md")]) == 0
    text = capsys.readouterr().out
    assert "`fashion-train --dataset photos --out first` and the like" in text
    assert "| 100 test photos, used for nothing else: exact match | 95.00% | 90.00% | 99.00% |" in text
    assert "seeds 1, 2, 3" in text
    assert (tmp_path / "seeds.md").read_text() == text


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ({"seed": 1}, "the same seed"),
        ({"seed": 2, "recipe": "tutorial"}, "differ in their recipe"),
        ({"seed": 2, "width": 112}, "differ in their input"),
    ],
)
def test_runs_that_are_not_alike_are_refused(seeds, second, message, tmp_path, capsys):
    runs = [write_run(tmp_path / "a", 1, 0.9), write_run(tmp_path / "b", exact=0.9, **second)]
    assert seeds.main(runs) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_a_run_is_refused(seeds, tmp_path, capsys):
    assert seeds.main([write_run(tmp_path / "a", 1, 0.9), str(tmp_path / "plots")]) == 2
    assert "plots has no run.json; name run folders of fashion-train" in capsys.readouterr().err
