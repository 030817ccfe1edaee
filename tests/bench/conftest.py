"""A small bundle, written without TensorFlow: one convolution, a mean, a dense layer, as TFLite and as ONNX."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from fashion_bench.graph import Node, Tensor, write_model

LABELS = ("blue", "dress", "red", "shirt")
SIZE = 32
CHANNELS = 8


def weights() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(5)
    return {
        "kernel": (rng.standard_normal((CHANNELS, 3, 3, 3)) / 400).astype(np.float32),  # (out, kh, kw, in)
        "kernel_bias": np.zeros(CHANNELS, np.float32),
        "dense": rng.standard_normal((len(LABELS), CHANNELS)).astype(np.float32),
        "dense_bias": np.zeros(len(LABELS), np.float32),
    }


def tiny_tflite() -> bytes:
    from ai_edge_litert import schema_py_generated as schema

    w, half = weights(), SIZE // 2
    conv = schema.Conv2DOptionsT()
    conv.strideH = conv.strideW = 2
    conv.fusedActivationFunction = schema.ActivationFunctionType.RELU6
    mean = schema.ReducerOptionsT()
    tensors = [
        Tensor((1, SIZE, SIZE, 3)),
        Tensor(w["kernel"].shape, data=w["kernel"]),
        Tensor((CHANNELS,), data=w["kernel_bias"]),
        Tensor((1, half, half, CHANNELS)),
        Tensor((2,), "int32", np.array([1, 2], np.int32)),
        Tensor((1, CHANNELS)),
        Tensor(w["dense"].shape, data=w["dense"]),
        Tensor((len(LABELS),), data=w["dense_bias"]),
        Tensor((1, len(LABELS))),
        Tensor((1, len(LABELS))),
    ]
    nodes = [
        Node("CONV_2D", (0, 1, 2), (3,), conv),
        Node("MEAN", (3, 4), (5,), mean),
        Node("FULLY_CONNECTED", (5, 6, 7), (8,), schema.FullyConnectedOptionsT()),
        Node("LOGISTIC", (8,), (9,)),
    ]
    return write_model(tensors, nodes, [0], [9])


def tiny_onnx() -> bytes:
    from onnx import TensorProto, helper, numpy_helper

    w = weights()
    constants = {
        "kernel": w["kernel"].transpose(0, 3, 1, 2).copy(),
        "dense": w["dense"].T.copy(),
    }
    nodes = [
        helper.make_node("Cast", ["image"], ["pixels"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["pixels"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["c"], strides=[2, 2], pads=[0, 0, 1, 1]),
        helper.make_node("Clip", ["c", "zero", "six"], ["r"]),
        helper.make_node("GlobalAveragePool", ["r"], ["g"]),
        helper.make_node("Flatten", ["g"], ["f"]),
        helper.make_node("MatMul", ["f", "dense"], ["d"]),
        helper.make_node("Sigmoid", ["d"], ["scores"]),
    ]
    initial = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    initial += [numpy_helper.from_array(np.float32(value), name) for name, value in (("zero", 0), ("six", 6))]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, [1, SIZE, SIZE, 3])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, len(LABELS)])],
        initial,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9).SerializeToString()


def write_bundle(folder: Path, files: dict[str, bytes]) -> Path:
    from fashion_edge.backends import litert
    from fashion_edge.golden import GoldenSet
    from fashion_edge.preprocess import InputSpec, preprocess

    spec = InputSpec(SIZE, SIZE)
    frames = np.random.default_rng(1).integers(0, 256, (4, 60, 80, 3), dtype=np.uint8)
    inputs = np.stack([preprocess(frame, spec) for frame in frames])
    scores = litert.load(files["model.float32.tflite"], "model.float32.tflite", 1).run(inputs)
    golden = GoldenSet(frames, inputs, dict.fromkeys(files, scores)).to_npz()
    variants = [
        {
            "file": name,
            "runtime": "onnx" if name.endswith(".onnx") else "litert",
            "precision": "float32",
            "bytes": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
            "metrics": {},
        }
        for name, data in files.items()
    ]
    manifest = {
        "schema": 1,
        "created": "2026-01-01T00:00:00+00:00",
        "labels": list(LABELS),
        "groups": {"colour": ["blue", "red"], "garment": ["dress", "shirt"]},
        "input": vars(spec),
        "thresholds": dict.fromkeys(LABELS, 0.5),
        "variants": variants,
        "golden": {"file": "golden.npz", "sha256": hashlib.sha256(golden).hexdigest(), "tolerance": {"float32": 0.005}},
        "provenance": {},
    }
    folder.mkdir()
    for name, data in {**files, "golden.npz": golden}.items():
        (folder / name).write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle with a TFLite and an ONNX variant that no test may change."""
    files = {"model.float32.tflite": tiny_tflite(), "model.onnx": tiny_onnx()}
    return write_bundle(tmp_path_factory.mktemp("bundles") / "tiny", files)
