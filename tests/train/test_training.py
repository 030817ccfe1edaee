"""Whole trainings on coloured shapes: what a run folder holds, and what an interruption leaves."""

import csv
import errno
import json
import os
import shutil
import signal

import cv2
import keras
import numpy as np
import pytest

import fashion_train
from fashion_edge.bundle import parse_input_spec, parse_label_space
from fashion_edge.decide import decide_batch
from fashion_edge.images import read_image
from fashion_edge.preprocess import preprocess
from fashion_train import training
from fashion_train.cli import main
from fashion_train.fit import epochs

pytestmark = pytest.mark.slow

QUICK = ["--epochs", "2", "--batch", "8", "--size", "32x40", "--no-baseline", "--teacher-epochs", "0"]
DISTILLED = [*QUICK[:-1], "1"]


@pytest.fixture(scope="module")
def first_run(shapes, things, tmp_path_factory):
    """A run with a teacher, background images and a baseline, that tests must not change."""
    out = tmp_path_factory.mktemp("runs") / "first"
    flags = ["--negatives", str(things), "--out", str(out), *DISTILLED, "--baseline"]
    assert main(["--dataset", str(shapes), *flags]) == 0
    return out


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read_run(folder):
    return json.loads((folder / "run.json").read_text())


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_run_folder_is_complete(first_run):
    files = {path.relative_to(first_run).as_posix() for path in first_run.rglob("*") if path.is_file()}
    plots = {"history", "confusion", "reliability", "precision_recall", "worst"}
    assert {"model.keras", "run.json", "split.csv", "calibration.csv", "history.csv", "report.md"} <= files
    assert {"MODEL_CARD.md", *(f"plots/{name}.png" for name in plots)} <= files
    assert len(rows(first_run / "history.csv")) == 2


def test_run_json_has_what_the_runtime_reads(first_run):
    run = read_run(first_run)
    assert parse_label_space(run).labels == ("blue", "dress", "red", "shirt")
    spec = parse_input_spec(run["input"])
    assert (spec.width, spec.height) == (32, 40)
    assert run["dataset"]["counts"] == {"blue dress": 16, "red dress": 16, "red shirt": 16}
    assert run["command"].startswith("fashion-train --dataset")
    assert run["metrics"]["val"]["photos"] == 6
    assert {"coarse", "versions", "trust", "calm"} <= set(run["recipe"])  # names of schema 1


def test_the_model_loads_in_safe_mode_and_repeats_the_metrics(first_run, shapes):
    model = keras.saving.load_model(first_run / "model.keras", safe_mode=True)
    run = read_run(first_run)
    space, spec = parse_label_space(run), parse_input_spec(run["input"])
    val = [row for row in rows(first_run / "split.csv") if row["split"] == "val"]
    pictures = np.stack([preprocess(read_image(shapes / row["file"]), spec) for row in val])
    chosen = decide_batch(np.asarray(model(pictures.astype(np.float32))), space)
    truth = np.array([[label in row["labels"].split() for label in space.labels] for row in val])
    assert (chosen == truth).mean() == pytest.approx(run["metrics"]["val"]["label_accuracy"], abs=1e-4)


def test_unseen_combinations_are_evaluated_on_recoloured_photos(first_run):
    recoloured = read_run(first_run)["recoloured"]
    assert recoloured["blue shirt"]["trained_on"] == 0  # there is no such folder: made from red shirts
    assert recoloured["red dress"]["trained_on"] > 0
    assert all(row["copies"] > 0 and 0 <= row["exact_match"] <= 1 for row in recoloured.values())
    assert "dress, colour without a label" in recoloured
    assert "| blue shirt | 0 |" in (first_run / "report.md").read_text()


def test_model_card_and_report_describe_data_evaluation_and_the_tutorials_recipe(first_run):
    card, report, run = (
        (first_run / "MODEL_CARD.md").read_text(),
        (first_run / "report.md").read_text(),
        read_run(first_run),
    )
    assert "39 photos for training, 6 photos for validation, 3 photos for testing" in card
    assert "6 val photos (thresholds and the epoch were chosen on them)" in card
    assert "EfficientNet-Lite0" in card
    assert run["baseline"]["recipe"] == "tutorial"
    assert run["baseline"]["metrics"]["val"]["photos"] == run["metrics"]["val"]["photos"]
    assert "## Comparison with the tutorial's recipe" in report
    assert "| 6 val photos, exact match |" in report


def test_calibration_photos_are_training_photos_of_every_combination(first_run):
    side = {row["file"]: row["split"] for row in rows(first_run / "split.csv")}
    calibration = rows(first_run / "calibration.csv")
    assert {side[row["file"]] for row in calibration} == {"train"}
    assert {row["labels"] for row in calibration} == {"blue dress", "red dress", "red shirt"}


def test_an_existing_run_is_kept_without_overwrite(first_run, shapes, run_train):
    before = (first_run / "run.json").read_bytes()
    assert "exists already; name another, or" in run_train(shapes, *QUICK, "--out", first_run, status=2)
    assert (first_run / "run.json").read_bytes() == before


def test_the_library_trains_in_mixed_precision_returns_the_run_and_prints_nothing(shapes, tmp_path, capsys):
    options = {"epochs": 1, "batch": 8, "size": 32, "teacher_epochs": 0, "baseline": False, "mixed_precision": True}
    run = fashion_train.train(shapes, tmp_path / "run", **options)
    # capsys, not capfd: without AVX-512, oneDNN itself writes to file descriptor 2 that it does not support float16
    assert capsys.readouterr() == ("", "")
    found = read_run(tmp_path / "run")
    assert run.path == tmp_path / "run"
    assert run.labels == ("blue", "dress", "red", "shirt")
    assert run.thresholds == found["thresholds"]
    assert run.metrics["val"].to_json() == found["metrics"]["val"]
    assert (run.interrupted, len(run.unreadable)) == (False, 0)
    # mixed precision leaves a model that computes in float32
    model = keras.saving.load_model(tmp_path / "run" / "model.keras", safe_mode=True)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"  # networks that are built later do not change
    assert all(float(row["loss"]) > 0 for row in rows(tmp_path / "run" / "history.csv"))


def interrupt(*_):
    raise KeyboardInterrupt


def test_ctrl_c_during_the_baseline_writes_the_run_and_keeps_what_resume_needs(
    shapes, tmp_path, monkeypatch, run_train
):
    fit = epochs.fit
    monkeypatch.setattr(epochs, "fit", lambda name, *args: interrupt() if name == "baseline" else fit(name, *args))
    error = run_train(shapes, *QUICK, "--baseline")
    assert read_run(tmp_path / "run")["baseline"] is None
    assert "run written to" in error
    assert (tmp_path / ".run.network.npz").is_file()


def interrupt_after_first_epoch(monkeypatch, network):
    """Raise KeyboardInterrupt after the first checkpoint of a network, as Ctrl-C does."""
    save = epochs.save_checkpoint

    def save_and_interrupt(path, checkpoint, identity):
        save(path, checkpoint, identity)
        if network in path.name:
            raise KeyboardInterrupt

    monkeypatch.setattr(epochs, "save_checkpoint", save_and_interrupt)


def test_a_training_interrupted_in_the_teacher_is_resumed(first_run, shapes, things, tmp_path, monkeypatch, run_train):
    command = [shapes, "--negatives", things, *DISTILLED]
    with monkeypatch.context() as patch:
        interrupt_after_first_epoch(patch, "teacher")
        error = run_train(*command, status=130)
    assert "teacher: interrupted after epoch 1 of 1" in error
    assert "no run is written, but a checkpoint; the same command with --resume finishes it" in error
    assert names(tmp_path) == [".run.teacher.npz"]
    run_train(*command, "--resume")
    assert names(tmp_path) == ["run"]
    assert " minutes since it was resumed." in (tmp_path / "run" / "report.md").read_text()
    resumed, whole = ([row["val_loss"] for row in rows(run / "history.csv")] for run in (tmp_path / "run", first_run))
    np.testing.assert_allclose(np.float64(resumed), np.float64(whole), rtol=1e-3)


def test_checkpoints_of_an_older_command_do_not_stop_a_resume(shapes, tmp_path, monkeypatch, capsys):
    out = tmp_path / "runs" / "run"
    for network, flags in (("network", []), ("teacher", ["--seed", "7", "--overwrite"])):
        with monkeypatch.context() as patch:
            interrupt_after_first_epoch(patch, network)
            main(["--dataset", str(shapes), "--out", str(out), *DISTILLED, *flags])
    monkeypatch.chdir(tmp_path)
    assert main(["--dataset", str(shapes), *DISTILLED, "--seed", "7", "--resume"]) == 0  # finds the run without --out
    assert "resuming runs/run" in capsys.readouterr().err
    assert read_run(out)["seed"] == 7


def test_ctrl_c_after_the_last_epoch_is_resumed(shapes, tmp_path, monkeypatch, run_train):
    with monkeypatch.context() as patch:
        patch.setattr(training, "tune", interrupt)
        assert "the same command with --resume finishes it" in run_train(shapes, *QUICK, status=130)
    run_train(shapes, *QUICK, "--resume")
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize(("again", "status"), [(False, 0), (True, 130)])
def test_sigterm_ends_the_epochs_as_ctrl_c_does_and_a_second_one_the_command(
    shapes, tmp_path, monkeypatch, run_train, again, status
):
    save, tune = epochs.save_checkpoint, training.tune

    def save_and_end(*args):
        save(*args)
        os.kill(os.getpid(), signal.SIGTERM)

    def tune_and_end(*args):
        if again:
            os.kill(os.getpid(), signal.SIGTERM)
        return tune(*args)

    monkeypatch.setattr(epochs, "save_checkpoint", save_and_end)
    monkeypatch.setattr(training, "tune", tune_and_end)
    error = run_train(shapes, *QUICK, status=status)
    assert "network: interrupted after epoch 1 of 2" in error
    assert "the same command with --resume finishes it" in error
    assert names(tmp_path) == ([".run.network.npz"] if again else [".run.network.npz", "run"])
    if not again:
        card = (tmp_path / "run" / "MODEL_CARD.md").read_text()
        assert "epoch 1 of 1 kept, ended by Ctrl-C before the 2 planned" in card


def test_unreadable_files_are_listed_and_the_status_is_one(shapes, tmp_path, run_train):
    red = shutil.copytree(shapes, tmp_path / "data") / "red_dress"
    whole = (red / "000.png").read_bytes()
    header = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    huge = header[:16] + (60000).to_bytes(4, "big") * 2 + header[24:]
    broken = {"empty.jpg": b"", "cut.png": whole[: len(whole) // 2], "text.jpg": b"no picture", "huge.png": huge}
    for name, data in broken.items():
        (red / name).write_bytes(data)
    error = run_train(tmp_path / "data", "--recipe", "tutorial", *QUICK, status=1)
    assert all(name in error for name in broken)
    run = read_run(tmp_path / "run")
    assert run["dataset"]["photos"] == 48
    assert len(run["dataset"]["unreadable"]) == 4
    assert run["model"]["arch"] == "smallervgg"


def test_a_data_set_without_a_readable_photo_leaves_no_folder(tmp_path, run_train):
    for name in ("red_dress", "blue_shirt"):
        (tmp_path / "data" / name).mkdir(parents=True)
        (tmp_path / "data" / name / "a.jpg").write_bytes(b"")
    error = run_train(tmp_path / "data", status=2)
    assert "none of the photos of" in error
    assert "can be read, the first of 2: " in error
    assert names(tmp_path) == ["data"]


def test_labels_in_any_script_without_a_colour_are_trained(colourless, tmp_path, run_train):
    run_train(colourless, *DISTILLED)
    assert read_run(tmp_path / "run")["recoloured"] == {}


def test_one_known_colour_among_unknown_ones_is_not_recoloured(shapes, tmp_path, run_train):
    for known, unknown in (("red_dress", "brindle_dress"), ("red_shirt", "brindle_shirt")):
        shutil.copytree(shapes / known, tmp_path / "photos" / known)
        shutil.copytree(shapes / "blue_dress", tmp_path / "photos" / unknown)
    run_train(tmp_path / "photos", *QUICK)
    assert read_run(tmp_path / "run")["recoloured"] == {}


def test_a_held_out_combination_is_tested_on_and_not_trained_on(shapes, tmp_path, run_train):
    run_train(shapes, *QUICK, "--holdout", "red_dress", "--arch", "smallervgg")
    split = rows(tmp_path / "run" / "split.csv")
    assert {row["split"] for row in split if row["labels"] == "red dress"} == {"test"}
    assert "red dress" in read_run(tmp_path / "run")["metrics"]["test"]["per_combination"]


def test_single_label_data_is_trained_with_softmax(shapes, tmp_path, monkeypatch, run_train):
    for name in ("dress", "shirt"):
        shutil.copytree(shapes / f"red_{name}", tmp_path / "data" / name)
    monkeypatch.chdir(tmp_path / "data")
    flags = ["--task", "single-label", "--recipe", "tutorial", "--tensorboard", tmp_path / "events"]
    run_train(".", *QUICK, *flags)
    run, card = read_run(tmp_path / "run"), (tmp_path / "run" / "MODEL_CARD.md").read_text()
    assert run["model"]["task"] == "single-label"
    assert run["groups"] == {"label": ["dress", "shirt"]}
    assert run["calibration"]["method"] == "temperature"
    assert "Data set `data`" in card
    assert "Its scores sum to 1 (softmax)" in card
    assert any((tmp_path / "events").iterdir())


def test_a_folder_that_takes_the_name_meanwhile_is_kept_and_the_run_gets_a_number(
    shapes, tmp_path, monkeypatch, run_train
):
    notes, train_network = tmp_path / "run" / "notes.txt", training.train_network

    def train_meanwhile(options):
        notes.parent.mkdir()
        notes.write_text("precious")
        return train_network(options)

    monkeypatch.setattr(training, "train_network", train_meanwhile)
    error = run_train(shapes, *QUICK)
    assert notes.read_text() == "precious"
    assert f"next: fashion-export --run {tmp_path / 'run-2'} --int8" in error
    assert (tmp_path / "run-2" / "run.json").is_file()


@pytest.mark.parametrize(("free_for_photos", "fix"), [(0, "with TMPDIR"), (1 << 30, "with --out")])
def test_a_full_disk_is_one_sentence_that_names_the_place(
    shapes, tmp_path, monkeypatch, run_train, free_for_photos, fix
):
    def fail(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    (tmp_path / "scratch").mkdir()
    free = {tmp_path / "scratch": free_for_photos, tmp_path: 1 << 20}
    monkeypatch.setattr(training, "prepare", fail)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "scratch"))
    monkeypatch.setattr("shutil.disk_usage", lambda place: type("Usage", (), {"free": free[place]}))
    error = run_train(shapes, *QUICK, status=2)
    last = error.splitlines()[-1]
    assert last.startswith(f"fashion-train: no space is left in {tmp_path}")
    assert last.endswith(fix)
