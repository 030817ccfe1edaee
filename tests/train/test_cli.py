"""`fashion-train` from end to end on coloured shapes, and everything it refuses."""

import csv
import errno
import json
import os
import signal

import cv2
import numpy as np
import pytest

from fashion_edge.bundle import parse_input_spec, parse_label_space
from fashion_edge.decide import decide_batch
from fashion_edge.images import read_image
from fashion_edge.preprocess import preprocess
from fashion_train.cli import main

pytestmark = pytest.mark.slow

QUICK = ["--epochs", "2", "--batch", "8", "--size", "32x40", "--no-baseline", "--teacher-epochs", "0"]
TAUGHT = [*QUICK[:-1], "1"]


@pytest.fixture(scope="module")
def first_run(shapes, things, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "first"
    assert main(["--dataset", str(shapes), "--negatives", str(things), "--out", str(out), *TAUGHT]) == 0
    return out


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_run_folder_is_complete(first_run):
    names = {path.relative_to(first_run).as_posix() for path in first_run.rglob("*") if path.is_file()}
    assert {"model.keras", "run.json", "split.csv", "calibration.csv", "history.csv", "report.md"} <= names
    assert "MODEL_CARD.md" in names
    assert {"plots/history.png", "plots/confusion.png", "plots/reliability.png", "plots/worst.png"} <= names
    assert len(rows(first_run / "history.csv")) == 2


def test_run_json_is_what_the_ground_floor_reads(first_run):
    run = json.loads((first_run / "run.json").read_text())
    space = parse_label_space(run)
    assert space.labels == ("blue", "dress", "red", "shirt")
    spec = parse_input_spec(run["input"])
    assert (spec.width, spec.height) == (32, 40)
    assert run["dataset"]["counts"] == {"blue dress": 16, "red dress": 16, "red shirt": 16}
    assert run["command"].startswith("fashion-train --dataset")
    assert run["metrics"]["val"]["photos"] == 6


def test_the_model_loads_in_safe_mode_and_repeats_the_metrics(first_run, shapes):
    import keras

    model = keras.saving.load_model(first_run / "model.keras", safe_mode=True)
    run = json.loads((first_run / "run.json").read_text())
    space, spec = parse_label_space(run), parse_input_spec(run["input"])
    val = [row for row in rows(first_run / "split.csv") if row["split"] == "val"]
    pictures = np.stack([preprocess(read_image(shapes / row["file"]), spec) for row in val])
    chosen = decide_batch(np.asarray(model(pictures.astype(np.float32))), space)
    truth = np.array([[label in row["labels"].split() for label in space.labels] for row in val])
    assert (chosen == truth).mean() == pytest.approx(run["metrics"]["val"]["label_accuracy"], abs=1e-4)


def test_mixed_precision_leaves_a_model_that_computes_in_float32(shapes, tmp_path):
    import keras

    out = tmp_path / "run"
    assert main(["--dataset", str(shapes), "--out", str(out), *QUICK, "--mixed-precision"]) == 0
    model = keras.saving.load_model(out / "model.keras", safe_mode=True)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"  # and nothing built later is touched
    assert all(float(row["loss"]) > 0 for row in rows(out / "history.csv"))


def test_the_tutorials_recipe_stands_beside_the_run_in_report_and_json(shapes, things, tmp_path):
    out = tmp_path / "run"
    flags = [*QUICK, "--baseline"]
    assert main(["--dataset", str(shapes), "--negatives", str(things), "--out", str(out), *flags]) == 0
    run = json.loads((out / "run.json").read_text())
    assert run["baseline"]["recipe"] == "tutorial"
    assert run["baseline"]["metrics"]["val"]["photos"] == run["metrics"]["val"]["photos"]
    report = (out / "report.md").read_text()
    assert "## Beside the tutorial's recipe" in report
    assert "| 6 val photos, exact match |" in report
    assert "the tutorial's ImageDataGenerator" in run["pictures_per_second"]
    assert all(speed > 0 for speed in run["pictures_per_second"].values())
    assert "## Pictures a second" in report


def test_ctrl_c_while_the_baseline_learns_keeps_the_network(shapes, tmp_path, monkeypatch, capsys):
    from fashion_train.fit import stages

    fit = stages.fit

    def fit_or_interrupt(name, *args):
        if name == stages.BASELINE:
            raise KeyboardInterrupt
        return fit(name, *args)

    monkeypatch.setattr(stages, "fit", fit_or_interrupt)
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK, "--baseline"]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["baseline"] is None
    assert "run written to" in capsys.readouterr().err


def test_combinations_without_a_photo_are_judged_on_recoloured_ones(first_run):
    recoloured = json.loads((first_run / "run.json").read_text())["recoloured"]
    assert recoloured["blue shirt"]["trained_on"] == 0  # no such folder: made of red shirts
    assert recoloured["red dress"]["trained_on"] > 0
    assert all(row["copies"] > 0 and 0 <= row["exact_match"] <= 1 for row in recoloured.values())
    assert "dress, colour without a label" in recoloured
    assert "| blue shirt | 0 |" in (first_run / "report.md").read_text()


def test_the_model_card_says_what_it_was_measured_on(first_run):
    card = (first_run / "MODEL_CARD.md").read_text()
    assert "39 photos for training, 6 photos for validation, 3 photos for testing" in card
    assert "6 val photos (thresholds and the epoch were chosen on them)" in card
    assert "EfficientNet-Lite0" in card
    assert "## Limitations" in card


def test_calibration_photos_are_training_photos_of_every_combination(first_run):
    side = {row["file"]: row["split"] for row in rows(first_run / "split.csv")}
    calibration = rows(first_run / "calibration.csv")
    assert {side[row["file"]] for row in calibration} == {"train"}
    assert {row["labels"] for row in calibration} == {"blue dress", "red dress", "red shirt"}


def test_an_interruption_while_the_teacher_learns_is_taken_up_again(
    first_run, shapes, things, tmp_path, monkeypatch, capsys
):
    from fashion_train.fit import stages

    keep = stages.save_checkpoint

    def keep_and_interrupt(path, checkpoint, identity):
        keep(path, checkpoint, identity)
        raise KeyboardInterrupt

    out = tmp_path / "run"
    command = ["--dataset", str(shapes), "--negatives", str(things), "--out", str(out), *TAUGHT]
    assert main([*command, "--resume"]) == 2  # nothing to resume yet
    with monkeypatch.context() as patch:
        patch.setattr(stages, "save_checkpoint", keep_and_interrupt)
        assert main(command) == 130
    said = capsys.readouterr().err
    assert "teacher: interrupted after epoch 1 of 1" in said
    assert "no run is written, but what was learned is kept; the same command with --resume finishes it" in said
    assert [path.name for path in tmp_path.iterdir()] == [".run.teacher.npz"]
    assert main([*command, "--resume"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert " minutes since it was resumed." in (out / "report.md").read_text()
    resumed, whole = ([row["val_loss"] for row in rows(run / "history.csv")] for run in (out, first_run))
    np.testing.assert_allclose(np.float64(resumed), np.float64(whole), rtol=1e-3)


def test_what_an_older_command_left_does_not_stop_the_next_one_from_going_on(shapes, tmp_path, monkeypatch, capsys):
    from fashion_train.fit import stages

    out, keep = tmp_path / "runs" / "run", stages.save_checkpoint

    def interrupted_in(name, *flags):
        def keep_and_interrupt(path, checkpoint, identity):
            keep(path, checkpoint, identity)
            if name in path.name:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(stages, "save_checkpoint", keep_and_interrupt)
            main(["--dataset", str(shapes), "--out", str(out), *TAUGHT, *flags])

    interrupted_in("network")
    interrupted_in("teacher", "--seed", "7", "--overwrite")
    monkeypatch.chdir(tmp_path)
    assert main(["--dataset", str(shapes), *TAUGHT, "--seed", "7", "--resume"]) == 0  # finds the run without --out
    assert "resuming runs/run" in capsys.readouterr().err
    assert json.loads((out / "run.json").read_text())["seed"] == 7


def test_resume_without_anything_to_resume_is_one_sentence(shapes, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["--dataset", str(shapes), *QUICK, "--resume"]) == 2
    assert "there is no checkpoint below runs to resume from; name the run with --out" in capsys.readouterr().err


def test_ctrl_c_in_the_baseline_keeps_what_resume_needs(shapes, tmp_path, monkeypatch):
    from fashion_train import train

    monkeypatch.setattr(train, "stand_beside", lambda *_: ((), None))
    flags = [flag for flag in QUICK if flag != "--no-baseline"]
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run"), *flags]) == 0
    assert (tmp_path / ".run.network.npz").is_file()


def test_an_existing_run_is_kept_unless_overwriting_is_asked_for(first_run, shapes, capsys):
    before = (first_run / "run.json").read_bytes()
    assert main(["--dataset", str(shapes), "--out", str(first_run), *QUICK]) == 2
    assert "exists already; name another or add --overwrite" in capsys.readouterr().err
    assert (first_run / "run.json").read_bytes() == before


def test_unreadable_files_are_listed_the_run_is_written_and_the_status_is_one(shapes, tmp_path, capsys):
    for folder in shapes.iterdir():
        (tmp_path / "data" / folder.name).mkdir(parents=True)
        for file in folder.iterdir():
            (tmp_path / "data" / folder.name / file.name).write_bytes(file.read_bytes())
    red = tmp_path / "data" / "red_dress"
    whole = (red / "000.png").read_bytes()
    (red / "empty.jpg").write_bytes(b"")
    (red / "cut.png").write_bytes(whole[: len(whole) // 2])
    (red / "text.jpg").write_text("no picture")
    header = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    (red / "huge.png").write_bytes(header[:16] + (60000).to_bytes(4, "big") * 2 + header[24:])
    out = tmp_path / "run"
    status = main(["--dataset", str(tmp_path / "data"), "--out", str(out), "--recipe", "tutorial", *QUICK])
    messages = capsys.readouterr().err
    assert status == 1
    assert [name in messages for name in ("empty.jpg", "cut.png", "text.jpg", "huge.png")] == [True] * 4
    run = json.loads((out / "run.json").read_text())
    assert run["dataset"]["photos"] == 48
    assert len(run["dataset"]["unreadable"]) == 4
    assert run["model"]["arch"] == "smallervgg"


def test_nothing_readable_is_an_error_and_leaves_no_folder(tmp_path, capsys):
    for name in ("red_dress", "blue_shirt"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.jpg").write_bytes(b"")
    assert main(["--dataset", str(tmp_path / "data"), "--out", str(tmp_path / "run")]) == 2
    said = capsys.readouterr().err
    assert "none of the photos of" in said
    assert "can be read, the first of 2: " in said
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dataset", "nowhere"], "data set nowhere does not exist"),
        (["--arch", "resnet"], "'resnet' is not one of 'compact', 'smallervgg'"),
        (["--recipe", "magic"], "'magic' is not one of"),
        (["--epochs", "0"], "0 is not in the range"),
        (["--learning-rate", "fast"], "'fast' is not a number"),
        (["--learning-rate", "nan"], "nan is no finite number; give one such as 10 or 0.5"),
        (["--target-precision", "nan"], "nan is no finite number"),
        (["--dataset", ""], "'--dataset': it is empty; give it a value, or leave the flag out"),
        (["--negatives", ""], "'--negatives': it is empty"),
        (["--groups", " "], "--groups is empty; give it as 'colour=black,red garment=dress,shirt'"),
        (["--size", "4"], "--size 4 leaves 32..512 pixels a side; 96 or 96x120 works"),
        (["--size", "9x120"], "--size 9x120 leaves 32..512"),
        (["--size", "large"], "--size 'large' is neither a number of pixels, as 96, nor WIDTHxHEIGHT, as 96x120"),
        (["--size", "1x2x3"], "--size '1x2x3' is neither"),
        (["--size", "9" * 5000], "is neither a number of pixels"),
        (["--groups", f"{'g' * 256}=red,blue"], "is not valid in a bundle; choose another"),
        (["--colour", "red"], "No such option"),
    ],
)
def test_bad_flags_get_one_sentence(arguments, message, shapes, tmp_path, capsys):
    assert main(["--dataset", str(shapes), *arguments, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_run_is_not_written_where_the_next_one_would_read_it(shapes, things, capsys):
    assert main(["--dataset", str(shapes), "--out", str(shapes / "red_dress" / "run"), *QUICK]) == 2
    assert "lies inside the data set" in capsys.readouterr().err
    assert main(["--dataset", str(shapes), "--negatives", str(things), "--out", str(things / "run"), *QUICK]) == 2
    assert "lies inside --negatives" in capsys.readouterr().err


def test_the_photos_are_not_their_own_negatives(shapes, tmp_path, capsys):
    flags = ["--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK]
    for folder in (shapes, shapes / "red_dress", shapes.parent):
        assert main([*flags, "--negatives", str(folder)]) == 2
        assert "share photos; name folders apart" in capsys.readouterr().err


def test_softmax_wants_one_label_a_photo(shapes, tmp_path, capsys):
    assert main(["--dataset", str(shapes), "--task", "single-label", "--out", str(tmp_path / "run"), *QUICK]) == 2
    assert "carries 2 labels, and --task single-label wants one a photo" in capsys.readouterr().err


def test_a_softmax_cannot_be_taught_to_say_nothing(shapes, things, tmp_path, capsys):
    flags = ["--dataset", str(shapes), "--negatives", str(things), "--task", "single-label"]
    assert main([*flags, "--out", str(tmp_path / "run"), *QUICK]) == 2
    assert "--negatives is for --task multi-label" in capsys.readouterr().err


def test_negatives_that_a_csv_gives_labels_are_refused(shapes, tmp_path, capsys):
    lines = [f"{path.relative_to(shapes).as_posix()},red dress" for path in (shapes / "red_dress").iterdir()]
    lines += [f"{path.relative_to(shapes).as_posix()},red shirt" for path in (shapes / "red_shirt").iterdir()]
    for line in lines:
        target = tmp_path / "data" / line.split(",")[0]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((shapes / line.split(",")[0]).read_bytes())
    (tmp_path / "data" / "labels.csv").write_text("\n".join(["file,labels", *lines]) + "\n")
    flags = ["--dataset", str(tmp_path / "data" / "labels.csv"), "--out", str(tmp_path / "run"), *QUICK]
    assert main([*flags, "--negatives", str(tmp_path / "data" / "red_shirt")]) == 2
    assert "which the data set gives a label; move it elsewhere" in capsys.readouterr().err


def test_labels_of_any_script_that_name_no_colour_train_by_the_default_recipe(tmp_path):
    for number, name in enumerate(("größ_kreis", "klein_kreis", "klein_面")):
        folder = tmp_path / "data" / name
        folder.mkdir(parents=True)
        for index in range(14):
            noise = np.random.default_rng([number, index]).integers(0, 255, (9, 9, 3), np.uint8)
            (folder / f"{index}.png").write_bytes(cv2.imencode(".png", cv2.resize(noise, (60, 60)))[1])
    assert main(["--dataset", str(tmp_path / "data"), "--out", str(tmp_path / "run"), *TAUGHT]) == 0
    assert json.loads((tmp_path / "run" / "run.json").read_text())["recoloured"] == {}


def test_an_unknown_holdout_names_what_there_is(shapes, tmp_path, capsys):
    assert main(["--dataset", str(shapes), "--holdout", "green_hat", "--out", str(tmp_path / "run")]) == 2
    assert (
        "--holdout green_hat is no combination of this data set; it has blue_dress, red_dress"
        in capsys.readouterr().err
    )


def test_a_held_out_combination_is_judged_and_not_trained_on(shapes, tmp_path):
    out = tmp_path / "run"
    assert (
        main(["--dataset", str(shapes), "--holdout", "red_dress", "--out", str(out), *QUICK, "--arch", "smallervgg"])
        == 0
    )
    sides = {row["split"] for row in rows(out / "split.csv") if row["labels"] == "red dress"}
    assert sides == {"test"}
    assert "red dress" in json.loads((out / "run.json").read_text())["metrics"]["test"]["per_combination"]


def test_without_the_extra_the_message_is_the_pip_command(monkeypatch, shapes, tmp_path, capsys):
    from fashion_train import cli

    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run")]) == 2
    assert "pip install 'fashion-edge[train]'" in capsys.readouterr().err


def test_help_shows_an_example(capsys):
    assert main(["--help"]) == 0
    assert "Example: fashion-train --dataset" in capsys.readouterr().out


def test_single_label_data_learns_by_softmax(shapes, tmp_path, monkeypatch):
    for name in ("dress", "shirt"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for file in (shapes / f"red_{name}").iterdir():
            (tmp_path / "data" / name / file.name).write_bytes(file.read_bytes())
    out = tmp_path / "run"
    flags = ["--task", "single-label", "--recipe", "tutorial", *QUICK, "--tensorboard", str(tmp_path / "events")]
    monkeypatch.chdir(tmp_path / "data")
    assert main(["--dataset", ".", "--out", str(out), *flags]) == 0
    run = json.loads((out / "run.json").read_text())
    assert run["model"]["task"] == "single-label"
    card = (out / "MODEL_CARD.md").read_text()
    assert "Data set `data`" in card
    assert "Its scores sum to 1 (softmax)" in card
    assert run["groups"] == {"label": ["dress", "shirt"]}
    assert run["calibration"]["method"] == "temperature"
    assert any((tmp_path / "events").iterdir())


def test_ctrl_c_behind_the_last_epoch_says_that_resume_finishes_the_run(shapes, tmp_path, monkeypatch, capsys):
    from fashion_train import train

    def interrupt(*_):
        raise KeyboardInterrupt

    command = ["--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK]
    with monkeypatch.context() as patch:
        patch.setattr(train, "tune", interrupt)
        assert main(command) == 130
    assert "the same command with --resume finishes it" in capsys.readouterr().err
    assert main([*command, "--resume"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(("again", "status"), [(False, 0), (True, 130)])
def test_sigterm_ends_the_epochs_as_ctrl_c_does_and_a_second_one_the_command(
    shapes, tmp_path, monkeypatch, capsys, again, status
):
    from fashion_train import train
    from fashion_train.fit import stages

    keep, tune = stages.save_checkpoint, train.tune

    def keep_and_end(*args):
        keep(*args)
        os.kill(os.getpid(), signal.SIGTERM)

    def tune_and_end(*args):
        if again:
            os.kill(os.getpid(), signal.SIGTERM)
        return tune(*args)

    monkeypatch.setattr(stages, "save_checkpoint", keep_and_end)
    monkeypatch.setattr(train, "tune", tune_and_end)
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK]) == status
    said = capsys.readouterr().err
    assert "network: interrupted after epoch 1 of 2" in said
    assert "the same command with --resume finishes it" in said
    left = [".run.network.npz"] if again else [".run.network.npz", "run"]
    assert sorted(path.name for path in tmp_path.iterdir()) == left
    if not again:
        card = (tmp_path / "run" / "MODEL_CARD.md").read_text()
        assert "epoch 1 of 1 kept, ended by Ctrl-C before the 2 planned" in card


def test_what_takes_the_name_while_it_trains_is_kept_and_the_run_gets_a_number(shapes, tmp_path, monkeypatch, capsys):
    from fashion_train import train

    notes, learn = tmp_path / "run" / "notes.txt", train.train

    def learn_meanwhile(options):
        notes.parent.mkdir()
        notes.write_text("precious")
        return learn(options)

    monkeypatch.setattr(train, "train", learn_meanwhile)
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK]) == 0
    assert notes.read_text() == "precious"
    assert f"next: fashion-export --run {tmp_path / 'run-2'} --int8" in capsys.readouterr().err
    assert (tmp_path / "run-2" / "run.json").is_file()


@pytest.mark.parametrize("flags", [[], ["--overwrite"]])
def test_a_folder_that_is_no_run_is_not_to_be_overwritten(shapes, tmp_path, capsys, flags):
    (tmp_path / "notes.txt").touch()
    assert main(["--dataset", str(shapes), "--out", str(tmp_path), *QUICK, *flags]) == 2
    assert "name another: it has no run.json, so --overwrite does not touch it" in capsys.readouterr().err


@pytest.mark.parametrize(("free_for_pictures", "mend"), [(0, "with TMPDIR"), (1 << 30, "with --out")])
def test_a_full_disk_is_one_sentence_with_the_place(shapes, tmp_path, monkeypatch, capsys, free_for_pictures, mend):
    from fashion_train import train

    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "scratch").mkdir()
    free = {tmp_path / "scratch": free_for_pictures, tmp_path: 1 << 20}
    monkeypatch.setattr(train, "prepare", fail)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "scratch"))
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": free[place]}))
    assert main(["--dataset", str(shapes), "--out", str(tmp_path / "run"), *QUICK]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith(f"fashion-train: no space is left in {tmp_path}")
    assert last.endswith(mend)


def test_a_place_for_tensorboard_that_cannot_be_written_is_said_before_the_photos_are_read(shapes, tmp_path, capsys):
    (tmp_path / "file").touch()
    flags = ["--out", str(tmp_path / "run"), "--tensorboard", str(tmp_path / "file")]
    assert main(["--dataset", str(shapes), *QUICK, *flags]) == 2
    said = capsys.readouterr().err
    assert (
        said
        == f"fashion-train: --tensorboard {tmp_path / 'file'} cannot be written: Not a directory; name another folder\n"
    )
