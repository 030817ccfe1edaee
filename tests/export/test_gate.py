"""The gate refuses what int8 ruins, names the layer, and lets the mended network through."""

import json

import numpy as np
import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.decide import LabelSpace
from fashion_export.cli import main
from fashion_export.parity import Limits, compare, too_few

pytestmark = pytest.mark.slow

SPACE = LabelSpace(("red", "blue"), {"colour": ("red", "blue")}, {"red": 0.5, "blue": 0.5})


def test_an_unmended_sick_network_is_refused_and_its_layer_named(sick_run, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(sick_run), "--no-mend", "--tflite-only", "--out", str(out)]) == 3
    message = capsys.readouterr().err.splitlines()[-1]
    assert "litert int8 flips" in message
    assert "most to blame is" in message
    assert "sick: scale up to" in message
    assert list(tmp_path.iterdir()) == []


def test_a_refused_bundle_is_kept_aside_with_keep_failed(sick_run, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([str(sick_run), "--no-mend", "--tflite-only", "--out", str(out), "--keep-failed"]) == 3
    assert not out.exists()
    bundle = load_bundle(tmp_path / "out.failed")
    assert bundle.manifest.provenance["parity"] == "refused"
    report = (tmp_path / "out.failed" / "report.md").read_text()
    assert "## Refused" in report
    assert "## Layers to blame, worst first" in report
    assert "## Photos that flipped" in report


def test_the_mended_network_passes(sick_run, tmp_path, capsys):
    assert main([str(sick_run), "--out", str(tmp_path / "out")]) == 0
    err = capsys.readouterr().err
    assert "mended: sick: " in err
    assert "of 48 units that never fire made constant" in err
    for variant in load_bundle(tmp_path / "out").manifest.variants:
        assert variant.metrics["keras_exact_match"] > 0.9
        assert variant.metrics["flip_rate"] <= 0.01


def test_limits_that_allow_everything_let_the_sick_network_pass(sick_run, tmp_path):
    flags = ["--no-mend", "--tflite-only", "--max-flips", "100", "--max-accuracy-drop", "100"]
    assert main([str(sick_run), "--out", str(tmp_path / "out"), *flags]) == 0


def test_without_photos_the_bundle_says_not_proven(run, tmp_path, capsys):
    rows = (run / "split.csv").read_text().replace(",val,", ",train,")
    (run / "split.csv").write_text(rows)
    assert main([str(run), "--out", str(tmp_path / "out")]) == 0
    err = capsys.readouterr().err
    assert "not proven" in err
    assert "next:" not in err
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["provenance"]["parity"] == "not proven"
    assert "exact_match" not in manifest["variants"][0]["metrics"]
    assert "Not proven" in (tmp_path / "out" / "report.md").read_text()


def test_so_few_photos_that_they_prove_nothing_are_said_with_what_they_leave_open():
    assert too_few(1, 6) == (
        "1 held-out photo judges (6 decisions), too few to prove parity: even without a flip, "
        "up to 50.0% of all decisions may differ from Keras; hold out 50 photos or more"
    )
    assert too_few(49, 6)
    assert too_few(50, 6) is None


def parity_of(n: int, flips: int):
    keras = np.tile(np.array([0.9, 0.1], np.float32), (n, 1))
    variant = keras.copy()
    variant[:flips, 0] = 0.2
    return compare(keras, variant, np.tile([True, False], (n, 1)), SPACE)


@pytest.mark.parametrize(
    ("n", "flips", "refused"),
    [
        (100, 0, False),
        (100, 1, False),
        (100, 2, True),
        (1000, 10, False),
        (1000, 11, True),
        (10, 1, False),
        (10, 2, True),
    ],
)
def test_one_point_of_exact_match_may_go_and_one_photo_always(n, flips, refused):
    assert bool(Limits().verdict("x", parity_of(n, flips))) is refused


def test_a_limit_of_zero_allows_nothing():
    assert "flips 1 of 200" in Limits(max_flips=0).verdict("x", parity_of(100, 1))
    assert "a drop above" in Limits(max_accuracy_drop=0).verdict("x", parity_of(100, 1))


def test_a_flip_is_clear_where_keras_is_right_and_far_from_the_threshold():
    keras = np.array([[0.9, 0.0], [0.6, 0.0], [0.9, 0.0]], np.float32)
    variant = np.array([[0.4, 0.0], [0.4, 0.0], [0.9, 0.0]], np.float32)
    parity = compare(keras, variant, np.array([[True, False]] * 3), SPACE)
    assert (parity.flips, parity.clear_flips, parity.flipped) == (2, 1, (0, 1))
    assert parity.flips_per_label == {"red": 2, "blue": 0}
    assert parity.drift_max == pytest.approx(0.5)


def test_an_onnx_failure_does_not_cost_the_tflite_files(run, tmp_path, monkeypatch, capsys):
    def fail(job):
        raise ValueError("no such operator")

    monkeypatch.setattr("fashion_export.variants.onnx_float32.convert", fail)
    assert main([str(run), "--out", str(tmp_path / "out")]) == 1
    assert "onnx float32 was not made: no such operator" in capsys.readouterr().err
    assert [v.name for v in load_bundle(tmp_path / "out").manifest.variants] == ["litert int8", "litert float32"]
    assert "no such operator" in (tmp_path / "out" / "report.md").read_text()
