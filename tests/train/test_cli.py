"""Options that `fashion-train` refuses in one sentence before it loads TensorFlow."""

import shutil
import tempfile

import pytest

import fashion_render
import fashion_train
from fashion_edge.errors import UsageError
from fashion_edge.progress import make_progress
from fashion_train import api
from fashion_train.cli import main


@pytest.fixture
def without_tensorflow(monkeypatch):
    monkeypatch.setattr(api, "load_tensorflow", lambda **_: None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "nowhere"], "data set nowhere does not exist"),
        (["--arch", "resnet"], "'resnet' is not one of 'compact', 'smallervgg'"),
        (["--recipe", "magic"], "'magic' is not one of"),
        (["--epochs", "0"], "0 is not in the range"),
        (["--learning-rate", "fast"], "'fast' is not a valid number"),
        (["--learning-rate", "nan"], "nan is not a finite number; give one such as 10 or 0.5"),
        (["--dataset", ""], "'--dataset': it is empty; give it a value, or leave the flag out"),
        (["--groups", " "], "--groups is empty; give it as 'colour=black,red garment=dress,shirt'"),
        (["--groups", f"{'g' * 256}=red,blue"], "is not valid in a bundle; choose another"),
        (["--size", "4"], "--size 4: sides must be 32 to 512 pixels; 96 or 96x120 works"),
        (["--size", "large"], "--size 'large' is neither a number of pixels, as 96, nor WIDTHxHEIGHT, as 96x120"),
        (["--size", "1x2x3"], "--size '1x2x3' is neither"),
        (["--size", "9" * 5000], "is neither a number of pixels"),
        (["--colour", "red"], "No such option"),
        (["--holdout", "green_hat"], "--holdout green_hat: this data set has no such combination; it has blue_dress,"),
        (["--task", "single-label"], "has 2 labels, and --task single-label needs one; use"),
        (["--task", "single-label", "--negatives", "{things}"], "--negatives is for --task multi-label"),
        (["--out", "{shapes}/red_dress/run"], "lies inside the data set"),
        (["--negatives", "{things}", "--out", "{things}/run"], "lies inside --negatives"),
        (["--negatives", "{shapes}"], "share photos; name separate folders"),
        (["--negatives", "{shapes}/red_dress"], "share photos; name separate folders"),
        (["--negatives", "{shapes}/.."], "share photos; name separate folders"),
        (["--tensorboard", "/dev/null/file"], "--tensorboard /dev/null/file cannot be written: Not a directory; name"),
        (["--out", "{shapes}/../empty", "--resume"], "there is no checkpoint of"),
        (["--out", "{things}", "--overwrite"], "it has no run.json, so --overwrite does not touch it"),
        (["--resume"], "there is no checkpoint below runs to resume from; name the run with --out"),
    ],
)
@pytest.mark.usefixtures("without_tensorflow")
def test_an_invalid_option_is_refused_in_one_sentence(
    arguments, message, shapes, things, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    out = [] if "--out" in arguments or "--resume" in arguments else ["--out", "run"]
    arguments = [argument.format(shapes=shapes, things=things) for argument in arguments]
    assert main(["--dataset", str(shapes), *arguments, *out]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"task": "regression"}, "task 'regression' is not one of multi-label, single-label"),
        ({"epochs": 0}, "epochs and batch must be at least 1"),
        ({"arch": "resnet"}, "'resnet' is not one of compact, smallervgg"),
    ],
)
def test_the_library_refuses_invalid_options_too(shapes, tmp_path, options, message):
    with pytest.raises(UsageError, match=message):
        fashion_train.train(shapes, tmp_path / "run", **options)


def test_negatives_that_a_csv_gives_labels_are_refused(shapes, tmp_path, run_train):
    lines = []
    for name in ("red_dress", "red_shirt"):
        shutil.copytree(shapes / name, tmp_path / name)
        lines += [f"{name}/{index:03d}.png,{name.replace('_', ' ')}" for index in (1, 2)]
    (tmp_path / "labels.csv").write_text("\n".join(["file,labels", *lines]) + "\n")
    error = run_train(tmp_path / "labels.csv", "--negatives", tmp_path / "red_shirt", status=2)
    assert "which the data set gives a label; move it elsewhere" in error


@pytest.mark.usefixtures("without_tensorflow")
def test_a_batch_that_workers_cannot_share_is_refused_before_they_wait(shapes, monkeypatch, run_train):
    workers = '{"cluster": {"worker": ["a:1", "b:2", "c:3"]}, "task": {"type": "worker", "index": 0}}'
    monkeypatch.setenv("TF_CONFIG", workers)
    error = run_train(shapes, "--batch", "8", status=2)
    assert "--batch 8 is not a multiple of 3, the number of workers" in error


def test_without_the_extra_the_message_is_the_pip_command(monkeypatch, shapes, run_train):
    monkeypatch.setattr(api, "find_spec", lambda name: None)
    assert "pip install 'fashion-edge[train]'" in run_train(shapes, status=2)


def test_rendered_photos_that_another_user_left_are_not_trained_on(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(fashion_render, "render_dataset", lambda folder, *_: (folder / "red_dress").mkdir())
    folder = api.rendered_dataset(7, make_progress(False))
    assert api.rendered_dataset(7, make_progress(False)) == folder
    (folder / "rendered.txt").unlink()
    with pytest.raises(UsageError, match="was not rendered by your fashion-train; delete it"):
        api.rendered_dataset(7, make_progress(False))


def test_two_trainings_that_render_at_once_share_one_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def render_while_another_does(folder, *_):
        monkeypatch.setattr(fashion_render, "render_dataset", lambda folder, *_: (folder / "red_dress").mkdir())
        api.rendered_dataset(7, make_progress(True))

    monkeypatch.setattr(fashion_render, "render_dataset", render_while_another_does)
    assert (api.rendered_dataset(7, make_progress(True)) / "red_dress").is_dir()
    assert len(list(tmp_path.iterdir())) == 1
    assert "took that name" not in capsys.readouterr().err
