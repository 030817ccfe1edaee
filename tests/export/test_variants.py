"""Every variant loads, decides as Keras does, contains its metadata, and has the same bytes twice."""

import io
import json
import zipfile
from dataclasses import replace

import numpy as np
import pytest

from fashion_edge.bundle import load_bundle
from fashion_edge.decide import LabelSpace
from fashion_edge.preprocess import InputSpec
from fashion_export.cli import main
from fashion_export.conversion import open_file
from fashion_export.flatbuffer import ALIGNMENT, read_model, write_model
from fashion_export.metadata import KEY, NEWEST, describe, embed_tflite, tflite_operators, unsupported_by_legacy
from fashion_export.source import keras_scores, load_model
from fashion_export.variants import ALL, INT8, ONNX, Job

pytestmark = pytest.mark.slow

SPEC = InputSpec(48, 40)
LABELS = ("blue", "dress", "red", "shirt")
SPACE = LabelSpace(LABELS, {"colour": ("blue", "red")}, dict.fromkeys(LABELS, 0.5))
BY_NAME = {recipe.name: recipe for recipe in ALL}


@pytest.fixture(scope="module")
def all_bundle(trained_run, tmp_path_factory):
    out = tmp_path_factory.mktemp("all") / "out"
    assert main([str(trained_run), "--all", "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def job(trained_run):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 48, 40, 3), np.uint8)
    return Job(load_model(trained_run / "model.keras"), SPEC, pixels)


def test_all_variants_agree_with_keras(all_bundle):
    variants = load_bundle(all_bundle).manifest.variants
    assert [variant.name for variant in variants] == [recipe.name for recipe in ALL]
    for variant in variants:
        assert variant.metrics["flip_rate"] <= 0.01
        assert variant.metrics["parity"] == "proven"


def test_report_has_every_section_and_a_drift_picture_with_a_panel_for_each_variant(all_bundle):
    import cv2

    report = (all_bundle / "report.md").read_text()
    for title in ("Agreement with the Keras model", "Network", "Thresholds", "Calibration", "Operators"):
        assert f"## {title}\n" in report
    assert "## Warnings\n\n- 60 calibration photos are few" in report
    assert "![score drift](drift.png)" in report
    picture = cv2.imread(str(all_bundle / "drift.png"))
    assert picture.shape[1] % len(ALL) == 0
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 10  # dots, lines and titles were drawn


@pytest.mark.parametrize(("flag", "runtime"), [("--tflite-only", "litert"), ("--onnx-only", "onnx")])
def test_only_one_runtime(run, tmp_path, run_export, flag, runtime):
    run_export(run, flag)
    assert {variant.runtime for variant in load_bundle(tmp_path / "out").manifest.variants} == {runtime}


@pytest.mark.parametrize(("io_type", "first"), [("uint8", "DEQUANTIZE"), ("int8", "MUL"), ("float32", "QUANTIZE")])
def test_int8_file_has_the_input_and_output_type_of_the_option(job, io_type, first):
    from ai_edge_litert.interpreter import Interpreter

    data = INT8.convert(replace(job, io=io_type))
    interpreter = Interpreter(model_content=data)
    assert interpreter.get_input_details()[0]["dtype"].__name__ == io_type
    assert interpreter.get_output_details()[0]["dtype"].__name__ == io_type
    assert operators_in_order(data)[0] == first


def test_variable_batch_gives_the_scores_of_batch_one_and_is_reproducible(job):
    """tf2onnx names the batch by a number that grows with every export."""
    job = replace(job, any_batch=True)
    data = ONNX.convert(job)
    backend = open_file(ONNX, data, SPEC, 4)
    single = np.concatenate([backend.run(job.calibration[i : i + 1]) for i in range(8)])
    assert np.allclose(backend.run(job.calibration), single, atol=1e-6)
    assert ONNX.convert(job) == data


# Keras writes gelu with Erfc, which ONNX does not have; Normalization contains arrays, not variables
@pytest.mark.parametrize("name", ["onnx float32", "onnx int8"])
@pytest.mark.parametrize(
    ("first", "settings", "activation"),
    [
        ("Rescaling", {"scale": 1 / 255}, "gelu"),
        ("Normalization", {"mean": [124, 116, 104], "variance": [3364.0] * 3}, None),
    ],
)
def test_keras_layers_convert_to_onnx(first, settings, activation, name):
    from keras import Input, Sequential, layers

    front = [Input((48, 40, 3)), getattr(layers, first)(**settings), layers.Conv2D(4, 3, activation=activation)]
    model = Sequential([*front, layers.GlobalAveragePooling2D(), layers.Dense(4, activation="sigmoid")])
    pixels = np.random.default_rng(0).integers(0, 256, (8, 48, 40, 3), np.uint8)
    backend = open_file(BY_NAME[name], BY_NAME[name].convert(Job(model, SPEC, pixels)), SPEC, 4)
    assert np.allclose(backend.run(pixels), keras_scores(model, pixels), atol=1e-5 if "float32" in name else 0.02)


def test_same_run_gives_the_same_files(trained_run, all_bundle, tmp_path, run_export):
    run_export(trained_run, "--all")
    for file in all_bundle.iterdir():
        if file.name != "manifest.json":  # with the time
            assert (tmp_path / "out" / file.name).read_bytes() == file.read_bytes(), file.name


def test_labels_groups_and_thresholds_are_inside_the_files(bundle_folder):
    import onnx

    manifest = json.loads((bundle_folder / "manifest.json").read_text())
    facts = {key: manifest[key] for key in ("labels", "groups", "thresholds", "input")}
    data = (bundle_folder / "model.int8.tflite").read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.read("labels.txt").decode().split() == ["blue", "dress", "red", "shirt"]
        assert json.loads(archive.read("fashion.json")) == facts
    assert [entry.name for entry in read_model(data).metadata].count(KEY) == 1
    props = {prop.key: prop.value for prop in onnx.load(bundle_folder / "model.onnx").metadata_props}
    assert props["labels"] == "blue,dress,red,shirt"
    assert json.loads(props["fashion.json"])["thresholds"] == manifest["thresholds"]
    assert props["min_runtime"] == "onnxruntime 1.6"


def test_embedding_changes_no_score_and_aligns_every_buffer(job):
    data = INT8.convert(job)
    named = embed_tflite(data, SPACE, SPEC, "tiny")
    before, after = (open_file(INT8, file, SPEC, 4).run(job.calibration) for file in (data, named))
    assert np.array_equal(before, after)
    assert misaligned(named) == 0
    assert describe(SPACE, SPEC, "tiny")[4:8] == b"M001"


def misaligned(data: bytes) -> int:
    from ai_edge_litert import schema_py_generated as schema

    model = schema.Model.GetRootAsModel(bytearray(data), 0)
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    starts = [b._tab.Vector(b._tab.Offset(4)) for b in buffers if b.DataLength()]
    assert len(starts) > 5
    return sum(start % ALIGNMENT != 0 for start in starts)


def test_rounded_pixels_are_refused(job, monkeypatch):
    """Without the black and the white corner the input's scale is the range of the photos."""
    from fashion_edge.errors import ModelError

    dim = Job(job.model, SPEC, job.calibration // 2)
    monkeypatch.setattr(
        "fashion_export.variants.tflite.representative_dataset",
        lambda pixels: ([p[None].astype(np.float32)] for p in pixels),
    )
    with pytest.raises(ModelError, match="pixels are rounded"):
        open_file(INT8, INT8.convert(dim), SPEC, 4)


@pytest.mark.parametrize("name", ["model.int8.tflite", "model.float32.tflite"])
def test_signature_and_operators_of_the_standard_files_suit_tflite_runtime_2_14(bundle_folder, name):
    from ai_edge_litert.interpreter import Interpreter

    signatures = Interpreter(str(bundle_folder / name)).get_signature_list()
    assert signatures == {"serving_default": {"inputs": ["image"], "outputs": ["scores"]}}
    data = (bundle_folder / name).read_bytes()
    for operator in tflite_operators(data)[0]:
        kind, version = operator.split(" v")
        assert int(version) <= NEWEST[kind]
    model = read_model(data)
    model.operatorCodes[0].version = 99
    operators, _ = tflite_operators(write_model(model))
    assert [word.split(" v")[1] for word in unsupported_by_legacy(operators)] == ["99"]


def test_opencv_reads_the_onnx_file_and_gives_our_scores(bundle_folder):
    import cv2

    golden = np.load(bundle_folder / "golden.npz")
    network = cv2.dnn.readNetFromONNX(str(bundle_folder / "model.onnx"))
    for pixels, expected in zip(golden["inputs"], golden["scores:model.onnx"], strict=True):
        network.setInput(pixels[None], "image")
        assert np.abs(network.forward()[0] - expected).max() < 1e-5


@pytest.mark.parametrize("file", ["model.onnx", "model.int8.onnx"])
def test_reference_evaluator_of_onnx_decides_in_the_same_way(all_bundle, file):
    """An implementation in NumPy, independent of any runtime; it supports QDQ from opset 19 on."""
    import onnx
    import onnx.version_converter
    from onnx.reference import ReferenceEvaluator

    golden, bundle = np.load(all_bundle / "golden.npz"), load_bundle(all_bundle)
    limits = bundle.manifest.space.threshold_vector()
    model = onnx.load(all_bundle / file)
    onnx.checker.check_model(model, full_check=True)
    evaluator = ReferenceEvaluator(onnx.version_converter.convert_version(model, 21))
    scores = np.concatenate([evaluator.run(None, {"image": pixels[None]})[0] for pixels in golden["inputs"]])
    expected = golden[f"scores:{file}"]
    tolerance = 0.03 if "int8" in file else 1e-4
    assert np.abs(scores - expected).max() < tolerance
    clear = np.abs(expected - limits) > tolerance
    assert clear.mean() > 0.5
    assert np.array_equal((scores >= limits)[clear], (expected >= limits)[clear])


def test_uint8_pixels_are_quantized_via_float_with_the_same_bits(job, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("fashion_export.variants.tflite.split_quantize", lambda data: data)
        plain = INT8.convert(job)
    quick = INT8.convert(job)
    first = [operators_in_order(data)[:2] for data in (plain, quick)]
    assert first[0][0] == "QUANTIZE" != first[0][1]
    assert first[1] == ["DEQUANTIZE", "QUANTIZE"]
    ramp = np.arange(8 * 48 * 40 * 3, dtype=np.uint32).astype(np.uint8).reshape(8, 48, 40, 3)
    scores = [open_file(INT8, data, SPEC, 4).run(np.concatenate([ramp, job.calibration])) for data in (plain, quick)]
    assert np.array_equal(*scores)


def operators_in_order(data):
    from ai_edge_litert.interpreter import Interpreter

    return [operator["op_name"] for operator in Interpreter(model_content=data)._get_ops_details()]
