"""Training without each combination in turn: what is reported, and what an interruption leaves."""

import json
import shutil

import pytest

from fashion_train import leave_out
from fashion_train.cli import main
from fashion_train.data.dataset import Dataset, Photo
from fashion_train.leave_out import Row, candidates, report

pytestmark = pytest.mark.slow

QUICK = ["--epochs", "1", "--batch", "8", "--size", "32", "--teacher-epochs", "0", "--arch", "smallervgg"]
FOUR = ["blue_dress", "blue_shirt", "red_dress", "red_shirt"]


def dataset(*combinations):
    photos = tuple(Photo(f"{number}.png", tuple(labels.split())) for number, labels in enumerate(combinations))
    labels = tuple(sorted({label for photo in photos for label in photo.labels}))
    return Dataset(None, photos, labels, {})


def results(out):
    return json.loads((out / "leave_out.json").read_text())["results"]


def test_a_combination_can_be_left_out_where_others_carry_all_of_its_labels():
    assert candidates(dataset("red dress", "red shirt", "blue dress")) == ["red_dress"]


def test_words_in_another_order_are_the_same_combination():
    assert candidates(dataset("red dress", "dress red", "red shirt", "blue dress")) == ["dress_red"]
    assert candidates(dataset("red dress", "dress red", "blue shirt")) == []


def test_the_result_stands_beside_the_tutorials_recipe(shapes, tmp_path, monkeypatch):
    monkeypatch.setattr("fashion_train.fit.stages.find_recipe", _short_recipe)
    out = tmp_path / "run"
    assert main(["--leave-one-combination-out", "--dataset", str(shapes), "--out", str(out), *QUICK]) == 0
    (row,) = results(out)
    assert row["combination"] == "red_dress"  # blue and shirt have one combination each
    assert row["photos"] == 16
    assert all(0 <= row[key] <= 1 for key in ("unseen_exact", "seen_exact", "baseline_exact"))
    assert [path.name for path in tmp_path.iterdir()] == ["run"]  # neither checkpoint nor diary is left behind


def test_an_interrupted_command_goes_on_where_it_was(crossed, tmp_path, monkeypatch, capsys):
    out, trained, train = tmp_path / "run", [], leave_out.train
    flags = ["--leave-one-combination-out", "--dataset", str(crossed), "--out", str(out), *QUICK, "--no-baseline"]

    def train_two(options):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(options.holdout[0])
        return train(options)

    monkeypatch.setattr(leave_out, "train", train_two)
    assert main(flags) == 130
    assert not out.exists()
    assert main([*flags, "--resume", "--seed", "7"]) == 2
    assert "is of other photos or flags" in capsys.readouterr().err
    (crossed / "red_dress" / "new.png").write_bytes((crossed / "red_dress" / "000.png").read_bytes())
    assert main([*flags, "--resume"]) == 2, "rows of two data sets would stand in one table"
    (crossed / "red_dress" / "new.png").unlink()
    monkeypatch.setattr(leave_out, "train", lambda options: trained.append(options.holdout[0]) or train(options))
    assert main([*flags, "--resume"]) == 0
    assert trained == FOUR
    assert [row["combination"] for row in results(out)] == FOUR


def test_ctrl_c_in_the_middle_of_a_training_is_no_result(shapes, tmp_path, monkeypatch):
    """A training keeps its best epoch when interrupted; here that would be a figure for half a training."""
    out, train = tmp_path / "run", leave_out.train

    def cut_short(options):
        outcome = train(options)
        object.__setattr__(outcome.learned, "interrupted", True)
        return outcome

    monkeypatch.setattr(leave_out, "train", cut_short)
    flags = ["--leave-one-combination-out", "--dataset", str(shapes), "--out", str(out), *QUICK, "--no-baseline"]
    assert main(flags) == 130
    assert not out.exists()
    assert {path.name for path in tmp_path.iterdir()} == {".run.network.npz"}, "--resume goes on from here"


def test_nothing_to_resume_from_is_one_sentence(crossed, tmp_path, capsys):
    flags = ["--leave-one-combination-out", "--dataset", str(crossed), "--out", str(tmp_path / "run"), *QUICK]
    assert main([*flags, "--resume"]) == 2
    assert "there is nothing of" in capsys.readouterr().err


def test_a_damaged_diary_is_one_sentence(crossed, tmp_path, capsys):
    (tmp_path / ".run.leave_out.json").write_text('{"results": [{"combi')
    flags = ["--leave-one-combination-out", "--dataset", str(crossed), "--out", str(tmp_path / "run"), *QUICK]
    assert main([*flags, "--resume"]) == 2
    assert "cannot be read" in capsys.readouterr().err


def test_only_a_table_of_the_same_kind_is_replaced(shapes, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "report.md").write_text("a run of another kind has a report, too")
    flags = ["--leave-one-combination-out", "--dataset", str(shapes), "--out", str(out), *QUICK, "--overwrite"]
    assert main(flags) == 2
    assert "it has no leave_out.json, so --overwrite does not touch it" in capsys.readouterr().err


def test_what_it_cannot_do_at_the_same_time_is_refused(shapes, tmp_path, monkeypatch, capsys):
    flags = ["--leave-one-combination-out", "--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK]
    assert main([*flags, "--holdout", "red_dress"]) == 2
    assert "exclude each other; drop one of them" in capsys.readouterr().err
    workers = {"cluster": {"worker": ["localhost:1", "localhost:2"]}, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(workers))
    assert main(flags) == 2
    assert "runs on one machine; unset TF_CONFIG" in capsys.readouterr().err


def test_a_combination_without_a_readable_photo_costs_no_other_its_row(crossed, tmp_path):
    photos, out = shutil.copytree(crossed, tmp_path / "photos"), tmp_path / "run"
    for file in (photos / "blue_shirt").iterdir():
        file.write_bytes(b"no picture")
    flags = ["--leave-one-combination-out", "--dataset", str(photos), "--out", str(out), *QUICK, "--no-baseline"]
    assert main(flags) == 1
    rows = {row["combination"]: row for row in results(out)}
    assert list(rows) == FOUR
    assert (rows["blue_shirt"]["photos"], rows["blue_shirt"]["unseen_exact"]) == (0, None)
    assert rows["red_dress"]["photos"] == 12


def test_the_report_says_where_there_is_no_figure():
    lines = report("fashion-train", [Row("red_dress", 12, 0.75, 0.5, None), Row("red_shirt", 9, 1.0, 0.5, 0.125)])
    assert "| red_dress | 12 | 75.0% | - | 50.0% |" in lines
    assert "| red_shirt | 9 | 100.0% | 12.5% | 50.0% |" in lines


def _short_recipe(name, **changes):
    from fashion_train.options import find_recipe

    return find_recipe(name, **{"epochs": 1, **changes})
