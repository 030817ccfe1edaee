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
from fashion_export.conversion import without_paths

slow = pytest.mark.slow


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        (
            "fashion-train --dataset '/home/jane doe/my photos' --out=/home/jane/runs/x --groups 'a=red b=top'",
            "fashion-train --dataset 'my photos' --out=x --groups 'a=red b=top'",
        ),
        ("fashion-train --dataset=/home/jane/run=1/photos", "fashion-train --dataset=photos"),
    ],
)
def test_paths_of_this_machine_are_cut_from_commands(command, shown):
    assert without_paths(command) == shown


@pytest.mark.parametrize(
    ("existing", "words"),
    [
        ("out/manifest.json", "--overwrite"),
        ("out/golden.npz", "--overwrite"),
        ("out/model.onnx", "--overwrite"),
        ("out.failed/manifest.json", r"out.failed exists already"),
    ],
)
def test_existing_folder_is_not_replaced_without_overwrite(untrained_run, tmp_path, existing, words):
    file = tmp_path / existing
    file.parent.mkdir()
    file.write_text("mine")
    with pytest.raises(OutputExistsError, match=words):
        export(untrained_run, tmp_path / "out", keep_failed=True)
    assert file.read_text() == "mine"


@pytest.mark.parametrize(
    ("model", "options", "error", "words"),
    [
        (None, {"out": "/proc/out"}, UsageError, "/proc cannot be written: "),
        (None, {"runtimes": ()}, UsageError, "leave nothing to make"),
        (None, {"io": "int4"}, UsageError, "io is 'int4', not one of uint8, int8, float32"),
        (None, {"input_range": "0..2"}, UsageError, "input_range is '0..2', not one of"),
        (SimpleNamespace(path=Path("gone")), {}, FashionError, "gone is not a run folder"),  # as train() returns it
        (object(), {}, UsageError, r"export\(model, labels="),
        ("m.keras", {"labels": ["red"]}, UsageError, "needs photos to calibrate"),
        ("m.keras", {"labels": ["red", "red"], "dataset": "."}, BundleError, "labels must be"),
        ("m.keras", {"labels": ["red"], "groups": {"c": ["green"]}, "dataset": "."}, BundleError, "green"),
        ("m.keras", {"labels": ["x"], "groups": {"a": ["x"], "b": ["x"]}, "dataset": "."}, BundleError, "one group"),
    ],
)
def test_what_cannot_work_is_refused_before_a_model_is_read(untrained_run, tmp_path, model, options, error, words):
    with pytest.raises(error, match=words):
        export(model or untrained_run, **{"out": tmp_path / "out", **options})


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
def test_standard_bundle_replays_and_its_scores_are_close_to_keras(bundle_folder, trained_run):
    from fashion_export.source import keras_scores, load_model

    bundle, golden = load_bundle(bundle_folder), parse_golden((bundle_folder / "golden.npz").read_bytes())
    assert [v.name for v in bundle.manifest.variants] == ["litert int8", "litert float32", "onnx float32"]
    reference = keras_scores(load_model(trained_run / "model.keras"), golden.inputs)
    for variant in bundle.manifest.variants:
        assert self_check(bundle, variant, open_backend(bundle, variant)) == 0
        assert variant.metrics["photos"] == 40
        assert variant.metrics["keras_exact_match"] > 0.9  # the network has learned, so agreement means something
        assert variant.metrics["flips"] == 0
        assert variant.metrics["drift_max"] < (0.1 if variant.precision == "int8" else 1e-4)
        difference = np.abs(golden.scores[variant.file] - reference).max()
        assert difference < (0.15 if variant.precision == "int8" else 1e-4)


@slow
def test_report_and_card_have_the_figures_of_the_manifest_and_no_path_of_this_machine(bundle_folder, photos):
    manifest, report, card = (
        (bundle_folder / name).read_text() for name in ("manifest.json", "report.md", "MODEL_CARD.md")
    )
    for variant in load_bundle(bundle_folder).manifest.variants:
        assert f"| {variant.file} | {variant.bytes:,} |" in report
        assert f"{variant.metrics['exact_match']:.2%}" in report
    assert "Result of the gate: no flip in 160 decisions, too few to prove parity." in report
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
    for text in (manifest, report, card):
        assert str(photos) not in text
        assert "/tmp" not in text


@slow
def test_without_held_out_photos_the_bundle_is_not_proven(run, tmp_path, run_export):
    rows = (run / "split.csv").read_text().replace(",val,", ",train,")
    (run / "split.csv").write_text(rows)
    err = run_export(run)
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
    (step,) = [line for line in lines if line.startswith("  repaired: norm: ")]
    assert "units that never fire made constant" in step
    for variant in bundle.manifest.variants:
        assert variant.metrics["keras_exact_match"] > 0.9
        assert variant.metrics["flip_rate"] <= 0.01


@slow
def test_limits_that_allow_everything_pass_any_network(dead_units_run, tmp_path):
    limits = {"max_flips": 100, "max_accuracy_drop": 100}
    assert export(dead_units_run, tmp_path / "out", repair=False, runtimes=["litert"], **limits).verdict == "proven"


@slow
def test_failed_onnx_conversion_does_not_affect_the_tflite_files(run, tmp_path, monkeypatch, run_export):
    def fail(*_, **__):
        raise ValueError("no such operator")

    monkeypatch.setattr("tf2onnx.convert.from_graph_def", fail)
    assert "onnx float32 was not made: no such operator" in run_export(run, status=1)
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
def test_sigterm_leaves_nothing(run, tmp_path, monkeypatch, run_export):
    monkeypatch.setattr("fashion_export.exporting.replay", lambda _folder: os.kill(os.getpid(), signal.SIGTERM))
    err = run_export(run, "--tflite-only", "--out", tmp_path / "bundles" / "out", status=130)
    assert "fashion-export: interrupted" in err
    assert list((tmp_path / "bundles").iterdir()) == []
