"""From a run to a bundle, as a user does it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from fashion_edge.backends import open_backend
from fashion_edge.bundle import load_bundle
from fashion_edge.golden import parse_golden, self_check
from fashion_export.cli import main
from fashion_export.provenance import without_paths

pytestmark = pytest.mark.slow


def test_the_standard_bundle_has_int8_float32_and_onnx_and_replays(bundle_folder):
    bundle = load_bundle(bundle_folder)
    assert [v.name for v in bundle.manifest.variants] == ["litert int8", "litert float32", "onnx float32"]
    for variant in bundle.manifest.variants:
        assert self_check(bundle, variant, open_backend(bundle, variant)) == 0


def test_every_variant_decides_as_keras_does_on_the_validation_photos(bundle_folder):
    for variant in load_bundle(bundle_folder).manifest.variants:
        metrics = variant.metrics
        assert metrics["photos"] == 40
        assert metrics["keras_exact_match"] > 0.9  # the network has learnt, so agreement means something
        assert metrics["flips"] == 0
        assert metrics["drift_max"] < (0.1 if variant.precision == "int8" else 1e-4)


def test_int8_eats_pixels_unrounded_and_gives_scores_on_the_1_256_grid(bundle_folder):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(bundle_folder / "model.int8.tflite"))
    source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    assert (source["dtype"], source["quantization"]) == (np.uint8, (1.0, 0))
    assert (target["dtype"], target["quantization"]) == (np.uint8, (1 / 256, 0))


def test_float_variants_eat_uint8_too(bundle_folder):
    from ai_edge_litert.interpreter import Interpreter

    assert Interpreter(str(bundle_folder / "model.float32.tflite")).get_input_details()[0]["dtype"] == np.uint8


def test_onnx_passes_the_checker_and_names_its_ends(bundle_folder):
    import onnx

    model = onnx.load(bundle_folder / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    assert [i.name for i in model.graph.input] == ["image"]
    assert [o.name for o in model.graph.output] == ["scores"]


def test_golden_scores_are_those_of_keras_within_the_drift_of_the_format(bundle_folder, trained_run):
    from fashion_export.source import keras_scores, load_model

    golden = parse_golden((bundle_folder / "golden.npz").read_bytes())
    reference = keras_scores(load_model(trained_run / "model.keras"), golden.inputs)
    assert np.abs(golden.scores["model.onnx"] - reference).max() < 1e-4
    assert np.abs(golden.scores["model.int8.tflite"] - reference).max() < 0.15


def test_no_path_of_this_machine_is_in_what_is_written(bundle_folder, trained_run):
    for name in ("manifest.json", "report.md", "MODEL_CARD.md"):
        text = (bundle_folder / name).read_text()
        assert str(trained_run.parent.parent) not in text
        assert "/tmp" not in text


def test_folders_with_blanks_in_their_names_stay_at_home_too():
    command = "fashion-train --dataset '/home/jane doe/my photos' --out=/home/jane/runs/x --groups 'a=red b=top'"
    assert without_paths(command) == "fashion-train --dataset 'my photos' --out=x --groups 'a=red b=top'"
    assert without_paths("fashion-train --dataset=/home/jane/run=1/photos") == "fashion-train --dataset=photos"


def test_report_and_card_carry_the_figures_of_the_manifest(bundle_folder):
    report = (bundle_folder / "report.md").read_text()
    manifest = json.loads((bundle_folder / "manifest.json").read_text())
    for variant in manifest["variants"]:
        assert f"| {variant['file']} | {variant['bytes']:,} |" in report
        assert f"{variant['metrics']['exact_match']:.2%}" in report
    card = (bundle_folder / "MODEL_CARD.md").read_text()
    assert "blue, dress, red, shirt" in card
    assert "| blue dress | 40 |" in card
    assert "exact match 100.00%; by the tutorial recipe on the same photos: label accuracy 97.00%" in card
    assert "silent on 90.00%; by the tutorial recipe: 16.00%" in card
    assert "| red shirt | 0 | 20 | 85.0% |" in card
    assert "The gate says: no flip in 160 decisions, too few to prove parity." in report
    for text in (report, card):
        assert "- 40 held-out photos judge (160 decisions), too few to prove parity: " in text


def test_the_newest_run_is_the_default(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main([]) == 0
    assert "wrote bundles/tiny" in capsys.readouterr().err
    assert load_bundle(tmp_path / "bundles" / "tiny").manifest.provenance["run"]["name"] == "tiny"


def test_the_photos_may_have_moved(run, trained_run, tmp_path, capsys):
    facts = json.loads((run / "run.json").read_text())
    facts["dataset"]["root"] = "gone"
    (run / "run.json").write_text(json.dumps(facts))
    photos = trained_run.parent.parent / "photos"
    assert main([str(run), "--out", str(tmp_path / "my bundle"), "--dataset", str(photos)]) == 0
    said = capsys.readouterr().err
    assert f"next: fashion-edge --bundle '{tmp_path / 'my bundle'}'" in said
    assert "warning: 40 held-out photos judge (160 decisions), too few to prove parity: " in said


def test_help_shows_an_example(capsys):
    assert main(["--help"]) == 0
    assert "fashion-export --int8" in capsys.readouterr().out


def test_a_missing_extra_is_one_sentence_with_the_pip_command(run, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("fashion_export.cli.find_spec", lambda module: None if module == "tf2onnx" else object())
    assert main([str(run), "--out", str(tmp_path / "out")]) == 2
    assert "pip install 'fashion-edge[export]'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["manifest.json", "golden.npz", "model.onnx"])
def test_a_bundle_is_not_replaced_without_overwrite(run, tmp_path, name, capsys):
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text("mine")
    assert main([str(run), "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert (out / name).read_text() == "mine"


def export(log: int, *args: object) -> int:
    """The status of the command, with standard error there, buffered as it is unless one asks for more."""
    code = "import sys; from fashion_export.cli import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *map(str, args)]
    env = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    return subprocess.run(command, stderr=log, env=env, check=False).returncode


def test_a_log_on_a_full_disk_costs_no_bundle(run, tmp_path):
    with Path("/dev/full").open("w") as full:
        assert export(full.fileno(), run, "--tflite-only", "--out", tmp_path / "out") == 0
    assert (tmp_path / "out" / "manifest.json").exists()


def test_a_reader_that_goes_away_costs_no_bundle(run, tmp_path):
    """As in `fashion-export 2>&1 | head -1`."""
    read, write = os.pipe()
    os.close(read)
    assert export(write, run, "--tflite-only", "--out", tmp_path / "out") == 0
    os.close(write)
    assert (tmp_path / "out" / "manifest.json").exists()
