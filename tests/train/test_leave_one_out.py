"""Training without each combination in turn: the table, and what an interruption leaves."""

import json
import shutil
from functools import partial

import pytest

from fashion_train import leave_one_out
from fashion_train.data.dataset import Dataset, Photo
from fashion_train.leave_one_out import Row, candidates, report
from fashion_train.options import find_recipe

pytestmark = pytest.mark.slow

QUICK = ["--epochs", "1", "--batch", "8", "--size", "32", "--teacher-epochs", "0", "--arch", "smallervgg"]
FOUR = ["blue_dress", "blue_shirt", "red_dress", "red_shirt"]


def dataset(*combinations):
    photos = tuple(Photo(f"{number}.png", tuple(labels.split())) for number, labels in enumerate(combinations))
    labels = tuple(sorted({label for photo in photos for label in photo.labels}))
    return Dataset(None, photos, labels, {})


def results(out):
    return json.loads((out / "leave_out.json").read_text())["results"]


@pytest.fixture
def run(run_train):
    """Run the command with the result in tmp_path / "run", and check its exit status; returns its standard error."""
    return lambda photos, *flags, status=0: run_train(
        photos, "--leave-one-combination-out", *QUICK, *flags, status=status
    )


@pytest.mark.parametrize(
    ("combinations", "found"),
    [
        (("red dress", "red shirt", "blue dress"), ["red_dress"]),
        (("red dress", "dress red", "red shirt", "blue dress"), ["dress_red"]),
        (("red dress", "dress red", "blue shirt"), []),
    ],
)
def test_a_combination_can_be_left_out_where_others_have_all_of_its_labels(combinations, found):
    assert candidates(dataset(*combinations)) == found


def test_the_table_compares_with_the_tutorials_recipe(shapes, tmp_path, run, monkeypatch):
    short = partial(find_recipe, epochs=1)
    monkeypatch.setattr("fashion_train.fit.epochs.find_recipe", short)
    run(shapes)
    (row,) = results(tmp_path / "run")
    assert row["combination"] == "red_dress"  # blue and shirt have one combination each
    assert row["photos"] == 16
    assert all(0 <= row[key] <= 1 for key in ("unseen_exact", "seen_exact", "baseline_exact"))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # neither a checkpoint nor the journal is left


def test_an_interrupted_command_is_resumed(crossed, tmp_path, run, monkeypatch):
    out, trained, train = tmp_path / "run", [], leave_one_out.train_network

    def train_two(options):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(options.holdout[0])
        return train(options)

    monkeypatch.setattr(leave_one_out, "train_network", train_two)
    run(crossed, "--no-baseline", status=130)
    assert not out.exists()
    assert "belongs to other photos or options" in run(crossed, "--no-baseline", "--resume", "--seed", "7", status=2)
    (crossed / "red_dress" / "new.png").write_bytes((crossed / "red_dress" / "000.png").read_bytes())
    run(crossed, "--no-baseline", "--resume", status=2)  # rows of two data sets would be in one table
    (crossed / "red_dress" / "new.png").unlink()

    def train_and_record(options):
        trained.append(options.holdout[0])
        return train(options)

    monkeypatch.setattr(leave_one_out, "train_network", train_and_record)
    run(crossed, "--no-baseline", "--resume")
    assert trained == FOUR
    assert [row["combination"] for row in results(out)] == FOUR


def test_ctrl_c_in_the_middle_of_a_training_gives_no_row(shapes, tmp_path, run, monkeypatch):
    train = leave_one_out.train_network

    def cut_short(options):
        result = train(options)
        object.__setattr__(result.fit, "interrupted", True)
        return result

    monkeypatch.setattr(leave_one_out, "train_network", cut_short)
    run(shapes, "--no-baseline", status=130)
    assert {path.name for path in tmp_path.iterdir()} == {".run.network.npz"}, "--resume continues from here"


def test_resume_needs_a_valid_journal(crossed, tmp_path, run):
    assert "there is nothing of" in run(crossed, "--resume", status=2)
    (tmp_path / ".run.leave_out.json").write_text('{"results": [{"combi')
    assert "is not valid JSON" in run(crossed, "--resume", status=2)


def test_a_run_of_another_kind_is_not_replaced(shapes, tmp_path, run):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "report.md").write_text("a run of another kind has a report, too")
    error = run(shapes, "--overwrite", status=2)
    assert "it has no leave_out.json, so --overwrite does not touch it" in error


def test_conflicting_options_are_refused(shapes, run, monkeypatch):
    assert "exclude each other; leave one of them out" in run(shapes, "--holdout", "red_dress", status=2)
    workers = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    assert "runs on one machine; unset TF_CONFIG" in run(shapes, status=2)


def test_a_combination_without_a_readable_photo_does_not_affect_the_other_rows(crossed, tmp_path, run):
    photos = shutil.copytree(crossed, tmp_path / "photos")
    for file in (photos / "blue_shirt").iterdir():
        file.write_bytes(b"no picture")
    run(photos, "--no-baseline", status=1)
    rows = {row["combination"]: row for row in results(tmp_path / "run")}
    assert list(rows) == FOUR
    assert (rows["blue_shirt"]["photos"], rows["blue_shirt"]["unseen_exact"]) == (0, None)
    assert rows["red_dress"]["photos"] == 12


def test_the_report_shows_missing_figures_as_dashes():
    lines = report("fashion-train", [Row("red_dress", 12, 0.75, 0.5, None), Row("red_shirt", 9, 1.0, 0.5, 0.125)])
    assert "| red_dress | 12 | 75.0% | - | 50.0% |" in lines
    assert "| red_shirt | 9 | 100.0% | 12.5% | 50.0% |" in lines
