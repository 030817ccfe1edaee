"""From a run to a bundle by the public function."""

import errno
import json
import os
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from fashion_edge.backends import open_backend
from fashion_edge.bundle import load_bundle
from fashion_edge.errors import BundleError, FashionError, GateError, OutputExistsError, UsageError
from fashion_edge.golden import parse_golden, self_check
from fashion_export import export
from fashion_export.cli import main
from fashion_export.write import without_paths

slow = pytest.mark.slow


def test_paths_of_this_machine_are_cut_from_commands():
    command = "fashion-train --dataset '/home/jane doe/my photos' --out=/home/jane/runs/x --groups 'a=red b=top'"
    assert without_paths(command) == "fashion-train --dataset 'my photos' --out=x --groups 'a=red b=top'"
    assert without_paths("fashion-train --dataset=/home/jane/run=1/photos") == "fashion-train --dataset=photos"


@pytest.mark.parametrize("name", ["manifest.json", "golden.npz", "model.onnx"])
def test_existing_folder_is_not_replaced_without_overwrite(untrained_run, tmp_path, name):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    with pytest.raises(OutputExistsError, match="--overwrite"):
        export(untrained_run, out)
    assert (out / name).read_text() == "mine"


def test_place_of_a_failed_bundle_is_checked_first(untrained_run, tmp_path):
    (tmp_path / "out.failed").mkdir()
    (tmp_path / "out.failed" / "manifest.json").write_text("{}")
    with pytest.raises(OutputExistsError, match=r"out.failed exists already"):
        export(untrained_run, tmp_path / "out", keep_failed=True)


def test_unwritable_place_is_refused_first(untrained_run):
    with pytest.raises(UsageError, match="/proc cannot be written: "):
        export(untrained_run, "/proc/out")


def test_run_that_train_returned_is_taken_by_its_path(tmp_path):
    with pytest.raises(FashionError, match="gone is not a run folder"):
        export(SimpleNamespace(path=tmp_path / "gone"), tmp_path / "out")


def test_model_without_labels_or_photos_is_refused(tmp_path):
    with pytest.raises(UsageError, match=r"export\(model, labels="):
        export(object(), tmp_path / "out")
    with pytest.raises(UsageError, match="needs photos to calibrate"):
        export("m.keras", tmp_path / "out", labels=["red"])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"runtimes": ()}, "leave nothing to make"),
        ({"io": "int4"}, "io is 'int4', not one of uint8, int8, float32"),
        ({"input_range": "0..2"}, "input_range is '0..2', not one of"),
    ],
)
def test_options_without_a_meaning_are_refused(untrained_run, tmp_path, options, words):
    with pytest.raises(UsageError, match=words):
        export(untrained_run, tmp_path / "out", **options)


@pytest.mark.parametrize(
    ("labels", "groups", "words"),
    [
        (["red", "red"], {}, "labels must be"),
        (["red", "blue"], {"colour": ["red", "green"]}, "green"),
        (["red"], {"colour": ["red"], "other": ["red"]}, "one group"),
    ],
)
def test_labels_and_groups_of_a_model_are_checked_first(tmp_path, labels, groups, words):
    with pytest.raises(BundleError, match=words):
        export("m.keras", tmp_path / "out", labels=labels, groups=groups, dataset=tmp_path)


@slow
def test_function_returns_a_bundle_and_prints_nothing(run, tmp_path, capfd):
    bundle = export(run, tmp_path / "out", runtimes=["litert"])
    assert capfd.readouterr() == ("", "")
    assert bundle.path == tmp_path / "out"
    assert bundle.manifest == load_bundle(tmp_path / "out").manifest
    assert bundle.verdict == "proven"
    assert bundle.find(precision="int8").metrics["flips"] == 0
    assert bundle.report == (tmp_path / "out" / "report.md").read_text()
    assert (bundle.failures, bundle.unreadable) == ((), ())
    assert any("too few to prove parity" in warning for warning in bundle.warnings)


@slow
def test_progress_may_go_to_a_function_and_int8_may_be_left_out(run, tmp_path, capfd):
    lines: list[str] = []
    bundle = export(run, tmp_path / "out", int8=False, progress=lines.append)
    assert [variant.name for variant in bundle.manifest.variants] == ["litert float32", "onnx float32"]
    assert "converting to onnx float32 ..." in lines
    assert capfd.readouterr().err == ""


@slow
def test_thresholds_tuned_for_a_precision_stay(run, tmp_path):
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps(facts | {"target_precision": 0.98}))
    bundle = export(run, tmp_path / "out", runtimes=["litert"])
    assert set(bundle.manifest.space.thresholds.values()) == {0.5}
    assert "## Thresholds" not in bundle.report


@slow
def test_standard_bundle_has_int8_float32_and_onnx_and_replays(bundle_folder):
    bundle = load_bundle(bundle_folder)
    assert [v.name for v in bundle.manifest.variants] == ["litert int8", "litert float32", "onnx float32"]
    for variant in bundle.manifest.variants:
        assert self_check(bundle, variant, open_backend(bundle, variant)) == 0
        assert variant.metrics["photos"] == 40
        assert variant.metrics["keras_exact_match"] > 0.9  # the network has learned, so agreement means something
        assert variant.metrics["flips"] == 0
        assert variant.metrics["drift_max"] < (0.1 if variant.precision == "int8" else 1e-4)


@slow
def test_golden_scores_are_close_to_keras(bundle_folder, trained_run):
    from fashion_export.source import keras_scores, load_model

    golden = parse_golden((bundle_folder / "golden.npz").read_bytes())
    reference = keras_scores(load_model(trained_run / "model.keras"), golden.inputs)
    assert np.abs(golden.scores["model.onnx"] - reference).max() < 1e-4
    assert np.abs(golden.scores["model.int8.tflite"] - reference).max() < 0.15


@slow
def test_no_path_of_this_machine_is_written(bundle_folder, photos):
    for name in ("manifest.json", "report.md", "MODEL_CARD.md"):
        text = (bundle_folder / name).read_text()
        assert str(photos) not in text
        assert "/tmp" not in text


@slow
def test_report_and_card_have_the_figures_of_the_manifest(bundle_folder):
    report = (bundle_folder / "report.md").read_text()
    for variant in load_bundle(bundle_folder).manifest.variants:
        assert f"| {variant.file} | {variant.bytes:,} |" in report
        assert f"{variant.metrics['exact_match']:.2%}" in report
    assert "Result of the gate: no flip in 160 decisions, too few to prove parity." in report
    card = (bundle_folder / "MODEL_CARD.md").read_text()
    for words in (
        "blue, dress, red, shirt",
        "| blue dress | 40 |",
        "exact match 100.00%; by the tutorial recipe on the same photos: label accuracy 97.00%",
        "no label above its threshold on 90.00%; by the tutorial recipe: 16.00%",
        "| red shirt | 0 | 20 | 85.0% |",
    ):
        assert words in card
    for text in (report, card):
        assert "- 40 held-out photos (160 decisions) are too few to prove parity: " in text


@slow
def test_same_run_gives_the_same_files(trained_run, bundle_folder, tmp_path):
    assert main(["--int8", str(trained_run), "--out", str(tmp_path / "again")]) == 0
    for name in ("model.int8.tflite", "model.float32.tflite", "model.onnx", "golden.npz", "report.md", "drift.png"):
        assert (tmp_path / "again" / name).read_bytes() == (bundle_folder / name).read_bytes()


@slow
def test_without_held_out_photos_the_bundle_is_not_proven(run, tmp_path, capsys):
    rows = (run / "split.csv").read_text().replace(",val,", ",train,")
    (run / "split.csv").write_text(rows)
    assert main([str(run), "--out", str(tmp_path / "out")]) == 0
    err = capsys.readouterr().err
    assert "not proven" in err
    assert "next:" not in err
    manifest = load_bundle(tmp_path / "out").manifest
    assert manifest.provenance["parity"] == "not proven"
    assert "exact_match" not in manifest.variants[0].metrics
    assert "Not proven" in (tmp_path / "out" / "report.md").read_text()


@slow
def test_refused_bundle_is_kept_with_keep_failed(dead_units_run, tmp_path):
    with pytest.raises(GateError, match=r"kept in .*out\.failed"):
        export(dead_units_run, tmp_path / "out", repair=False, runtimes=["litert"], keep_failed=True)
    assert not (tmp_path / "out").exists()
    assert load_bundle(tmp_path / "out.failed").manifest.provenance["parity"] == "refused"
    report = (tmp_path / "out.failed" / "report.md").read_text()
    for title in ("## Refused", "## Layer errors, largest first", "## Photos that flipped"):
        assert title in report


@slow
def test_repaired_network_passes(dead_units_run, tmp_path):
    lines: list[str] = []
    bundle = export(dead_units_run, tmp_path / "out", progress=lines.append)
    assert any(
        line.startswith("  repaired: norm: ") and "units that never fire made constant" in line for line in lines
    )
    for variant in bundle.manifest.variants:
        assert variant.metrics["keras_exact_match"] > 0.9
        assert variant.metrics["flip_rate"] <= 0.01


@slow
def test_limits_that_allow_everything_pass_any_network(dead_units_run, tmp_path):
    limits = {"max_flips": 100, "max_accuracy_drop": 100}
    assert export(dead_units_run, tmp_path / "out", repair=False, runtimes=["litert"], **limits).verdict == "proven"


@slow
def test_failed_onnx_conversion_does_not_affect_the_tflite_files(run, tmp_path, monkeypatch, capsys):
    def fail(*_, **__):
        raise ValueError("no such operator")

    monkeypatch.setattr("tf2onnx.convert.from_graph_def", fail)
    assert main([str(run), "--out", str(tmp_path / "out")]) == 1
    assert "onnx float32 was not made: no such operator" in capsys.readouterr().err
    assert [v.name for v in load_bundle(tmp_path / "out").manifest.variants] == ["litert int8", "litert float32"]
    assert "no such operator" in (tmp_path / "out" / "report.md").read_text()


@slow
def test_full_disk_leaves_nothing(run, tmp_path, monkeypatch):
    write = Path.write_bytes

    def fail(self: Path, data: bytes) -> int:
        if self.name == "model.float32.tflite":
            write(self, data[:100])
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(FashionError, match="no space left"):
        export(run, tmp_path / "bundles" / "out", runtimes=["litert"])
    assert list((tmp_path / "bundles").iterdir()) == []


@slow
def test_sigterm_leaves_nothing(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fashion_export.write.replay", lambda _folder: os.kill(os.getpid(), signal.SIGTERM))
    assert main([str(run), "--tflite-only", "--out", str(tmp_path / "bundles" / "out")]) == 130
    assert "fashion-export: interrupted" in capsys.readouterr().err
    assert list((tmp_path / "bundles").iterdir()) == []
