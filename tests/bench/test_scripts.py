"""The scripts in benchmarks/: speed and memory of fashion-edge, and several training seeds in one table."""

import json

import pytest


def test_edge_speed_names_a_clip_that_cannot_be_read(load_script, tmp_path):
    with pytest.raises(SystemExit, match=r"none\.mp4 is not a picture or a video"):
        load_script("edge_speed.py").run_child("lines", tmp_path / "none.mp4")


def test_edge_clients_reports_a_run_that_does_not_start(load_script):
    clients = load_script("edge_clients.py")
    with clients.process("raise SystemExit(2)") as edge, pytest.raises(SystemExit, match="ended with status 2"):
        clients.await_frames(clients.free_port(), edge)


def test_edge_clients_starts_the_page_without_a_token(load_script, monkeypatch):
    monkeypatch.setenv("FASHION_EDGE_TOKEN", "0123456789abcdef")
    program = "import os; print(os.environ.get('FASHION_EDGE_TOKEN'))"
    with load_script("edge_clients.py").process(program) as child:
        assert child.stdout.readline() == "None\n"


@pytest.fixture
def tabulate_seeds(load_script, capsys):
    """Run training_seeds.py and check its exit status; returns standard output and standard error."""

    def call(*args, status=0):
        assert load_script("training_seeds.py").main([*args]) == status
        return capsys.readouterr()

    return call


def write_run(folder, seed, exact=0.9, recipe="default", width=96):
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


def test_the_mean_and_the_range_of_several_seeds_are_reported(tabulate_seeds, tmp_path):
    runs = [write_run(tmp_path / str(seed), seed, exact) for seed, exact in ((1, 0.9), (2, 0.96), (3, 0.99))]
    text, _ = tabulate_seeds(*runs, "--markdown", str(tmp_path / "seeds.md"))
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
        (None, "b has no run.json; name run folders of fashion-train"),
    ],
)
def test_training_seeds_refuses_runs_that_differ(tabulate_seeds, second, message, tmp_path):
    other = write_run(tmp_path / "b", **second) if second else str(tmp_path / "b")
    _, error = tabulate_seeds(write_run(tmp_path / "a", 1), other, status=2)
    assert message in error
