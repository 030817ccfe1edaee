"""Bad input gets one sentence, the right status, and leaves nothing half-made."""

import csv
import errno
import hashlib
import json
import os
import signal
from pathlib import Path

import pytest

from fashion_export.cli import main

pytestmark = pytest.mark.slow


@pytest.fixture
def refused(tmp_path, capsys):
    """Run the command, expect status 2, one sentence and no trace of an output; returns the sentence."""

    def check(*args: object) -> str:
        out = tmp_path / "bundles" / "out"
        status = main([*map(str, args), "--out", str(out)])
        lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("fashion-export: ")]
        assert status == 2
        assert len(lines) == 1
        assert not out.exists()
        assert not out.parent.exists() or not list(out.parent.iterdir())
        return lines[0]

    return check


def swap_model(run: Path, model) -> None:
    """Replace model.keras and make run.json agree with its hash."""
    model.save(run / "model.keras")
    facts = json.loads((run / "run.json").read_text())
    facts["model"]["sha256"] = hashlib.sha256((run / "model.keras").read_bytes()).hexdigest()
    (run / "run.json").write_text(json.dumps(facts))


def test_a_folder_that_is_no_run(tmp_path, refused):
    assert "run.json" in refused(tmp_path)


def test_a_folder_that_is_not_there(tmp_path, refused):
    assert "not a run folder" in refused(tmp_path / "nowhere")


def test_no_run_at_all(tmp_path, monkeypatch, refused):
    monkeypatch.chdir(tmp_path)
    assert "fashion-train" in refused()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": 2}', '{"schema": 1}'])
def test_run_json_damaged(run, refused, text):
    (run / "run.json").write_text(text)
    assert "run.json" in refused(run)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metrics": {"val": {}}}, "metrics.val.photos: expected float, got null"),
        ({"metrics": {"val": 1}}, "key 'val' must be an object"),
        ({"negatives": {"val": {"photos": 3, "silent": "all"}}}, "negatives.val.silent: expected float, got str"),
        ({"recoloured": ["red shirt"]}, "key 'recoloured' must be an object"),
        ({"baseline": {"metrics": {"val": {"photos": 40}}}}, "baseline.metrics.val.label_accuracy: expected"),
        ({"seed": "abc"}, "seed must be a whole number from 0 on, not 'abc'"),
        ({"seed": -1}, "seed must be a whole number from 0 on, not -1"),
    ],
)
def test_what_the_card_will_print_is_checked_before_anything_is_converted(run, refused, change, words):
    (run / "run.json").write_text(json.dumps(json.loads((run / "run.json").read_text()) | change))
    (run / "model.keras").unlink()  # not reached
    assert words in refused(run)


def test_model_file_cut_short(run, refused):
    data = (run / "model.keras").read_bytes()
    (run / "model.keras").write_bytes(data[: len(data) // 2])
    assert "cut short or swapped" in refused(run)


def test_model_file_cut_short_but_named_by_its_hash(run, refused):
    data = (run / "model.keras").read_bytes()[:1000]
    (run / "model.keras").write_bytes(data)
    facts = json.loads((run / "run.json").read_text())
    facts["model"]["sha256"] = hashlib.sha256(data).hexdigest()
    (run / "run.json").write_text(json.dumps(facts))
    assert "does not load" in refused(run)


def test_model_missing(run, refused):
    (run / "model.keras").unlink()
    assert "missing" in refused(run)


def small(n_outputs: int = 1, n_labels: int = 4, height: int = 48, activation: str | None = "sigmoid"):
    import keras

    image = keras.layers.Input((height, 40, 3))
    x = keras.layers.GlobalAveragePooling2D()(image)
    return keras.Model(image, [keras.layers.Dense(n_labels, activation=activation)(x) for _ in range(n_outputs)])


def test_model_of_another_label_count(run, refused):
    swap_model(run, small(n_labels=3))
    assert "4 labels" in refused(run)


def test_model_of_another_input_size(run, refused):
    swap_model(run, small(height=32))
    assert "(32, 40, 3)" in refused(run)


def test_model_with_two_outputs(run, refused):
    swap_model(run, small(n_outputs=2))
    assert "2 outputs" in refused(run)


def test_model_without_a_sigmoid(run, refused):
    swap_model(run, small(activation=None))
    assert "sigmoid" in refused(run)


def test_model_with_code_in_it(run, refused):
    import keras

    image = keras.layers.Input((48, 40, 3))
    x = keras.layers.Lambda(lambda t: t * 1.0)(image)
    swap_model(run, keras.Model(image, keras.layers.Dense(4)(keras.layers.Flatten()(x))))
    assert "safe mode" in refused(run)


def test_calibration_photos_that_are_validation_photos(run, refused):
    rows = list(csv.DictReader((run / "split.csv").read_text().splitlines()))
    held_out = next(row for row in rows if row["split"] == "val")
    with (run / "calibration.csv").open("a") as file:
        file.write(f"{held_out['file']},{held_out['labels']}\n")
    assert held_out["file"] in refused(run)


def test_calibration_photo_whose_duplicate_is_held_out(run, refused):
    text = (run / "split.csv").read_text()
    (run / "split.csv").write_text(text.replace(",g0\n", ",g1\n"))  # row 0 is validation, row 1 is for calibration
    assert "duplicates" in refused(run)


def test_no_photos_found(run, tmp_path, refused):
    (tmp_path / "empty").mkdir()
    assert "--dataset" in refused(run, "--dataset", tmp_path / "empty")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", ""])
def test_a_photo_outside_the_root(run, refused, name):
    with (run / "calibration.csv").open("a") as file:
        file.write(f'"{name}",red shirt\n')
    assert "not a file below" in refused(run)


def test_a_csv_without_its_columns(run, refused):
    (run / "calibration.csv").write_text("photo\n")
    assert "'file'" in refused(run)


def test_two_runs_named(run, tmp_path, refused):
    assert "name one" in refused(run, "--run", tmp_path)


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        (["--channels", "BGR"], "--channels is for a model named with --model"),
        (["--group", "colour=red,blue"], "--group is for a model named with --model"),
        (["--labels", "red,blue"], "--labels is for a model named with --model"),
    ],
)
def test_flags_for_a_model_from_elsewhere_beside_a_run(run, refused, flags, sentence):
    assert sentence in refused(run, *flags)


def test_a_dataset_for_a_model_from_elsewhere(run, tmp_path, refused):
    flags = ["--model", run / "model.keras", "--labels", "a,b", "--calibration", tmp_path, "--dataset", tmp_path]
    assert "name the photos of a --model with --calibration" in refused(*flags)


def test_a_group_named_twice(run, tmp_path, refused):
    flags = ["--model", run / "model.keras", "--labels", "red,blue,green", "--calibration", tmp_path]
    assert "names 'colour' twice" in refused(*flags, "--group", "colour=red,blue", "--group", "colour=green")


def test_no_place_for_a_failed_export_is_said_before_the_work(run, tmp_path, capsys):
    (tmp_path / "out.failed").mkdir()
    (tmp_path / "out.failed" / "manifest.json").write_text("{}")
    assert main([str(run), "--out", str(tmp_path / "out"), "--keep-failed"]) == 2
    assert "out.failed exists already" in capsys.readouterr().err


def test_a_place_that_cannot_be_written_is_said_before_the_work(run, capsys):
    (run / "model.keras").unlink()  # not reached
    assert main([str(run), "--out", "/proc/out"]) == 2
    assert "/proc cannot be written: " in capsys.readouterr().err


def test_an_unknown_flag(run, refused):
    assert "--int9" in refused(run, "--int9")


def test_a_full_disk(run, refused, monkeypatch):
    """Each write fails as on a full disk."""
    write = Path.write_bytes

    def fail(self: Path, data: bytes) -> int:
        if self.name == "model.float32.tflite":
            write(self, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    assert "no space left" in refused(run)


def test_sigterm_leaves_nothing_half_made(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fashion_export.write.prove", lambda _folder: os.kill(os.getpid(), signal.SIGTERM))
    assert main([str(run), "--tflite-only", "--out", str(tmp_path / "bundles" / "out")]) == 130
    assert "fashion-export: interrupted" in capsys.readouterr().err
    assert list((tmp_path / "bundles").iterdir()) == []


def test_a_folder_that_is_no_bundle_is_not_to_be_overwritten(run, tmp_path, capsys):
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "precious").touch()
    assert main([str(run), "--out", str(tmp_path / "notes")]) == 2
    assert "name another: it has no manifest.json, so --overwrite does not touch it" in capsys.readouterr().err


def test_an_unreadable_photo_is_named_and_the_rest_goes_on(run, trained_run, tmp_path, capsys):
    import shutil

    photos = shutil.copytree(trained_run.parent.parent / "photos", tmp_path / "photos")
    (photos / "blue_dress" / "000.png").write_bytes(b"")
    assert main([str(run), "--dataset", str(photos), "--out", str(tmp_path / "out")]) == 1
    assert "000.png is empty" in capsys.readouterr().err
    assert "000.png is empty" in (tmp_path / "out" / "report.md").read_text()
