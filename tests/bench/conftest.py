"""A small bundle, written without TensorFlow: one convolution, a mean, a dense layer, as TFLite and as ONNX."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fashion_bench.document import Accuracy, Document, Result, Round, Sections
from fashion_bench.machine import Machine
from fashion_bench.operators import Node, Tensor, write_model

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
    golden = GoldenSet(frames, inputs, dict.fromkeys(files, scores), tuple(LABELS)).to_npz()
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


@pytest.fixture
def make_result() -> Callable[..., Result]:
    """Results with rounds of chosen samples, or of seeded noise around `p50`."""

    def make(
        file: str = "model.int8.tflite",
        engine: str = "litert",
        precision: str = "int8",
        threads: int = 1,
        p50: float = 1.0,
        rounds: int = 6,
        samples: Sequence[float] | None = None,
        seed: int = 0,
        size: int = 187_000,
        verdict: str = "VALID",
        reasons: tuple[str, ...] = (),
        exact_match: float | None = None,
        **of_round: Any,
    ) -> Result:
        rng = np.random.default_rng(seed)
        blocks = [samples or (p50 * (1 + 0.02 * rng.gamma(2.0, 1.0, 100))).tolist() for _ in range(rounds)]
        facts: dict[str, Any] = {
            "import_ms": 200.0,
            "load_ms": 3.0,
            "first_ms": 2.0,
            "warmup_ms": (1.5, 1.2),
            "seconds": 0.5,
            "other_cores": 0.0,
            "clock_mhz": (None, None),
            "temperature_c": (None, None),
            "throttled": (None, None),
            **of_round,
        }
        return Result(
            variant=file,
            runtime=engine,
            engine="ai-edge-litert 2.3.0",
            precision=precision,
            threads=threads,
            bytes=size,
            verdict=verdict,
            reasons=reasons,
            accuracy=None if exact_match is None else Accuracy(photos=100, exact_match=exact_match),
            samples_ms=tuple(ms for block in blocks for ms in block),
            rounds=tuple(Round(samples=len(block), **facts) for block in blocks),
        )

    return make


@pytest.fixture
def make_document() -> Callable[..., Document]:
    """A document of these results, all measured on the same board by default."""

    def make(*results: Result, machine: Mapping[str, Any] | None = None, **more: Any) -> Document:
        board = {
            "board": "Raspberry Pi 4 Model B",
            "cpu": "Cortex-A72",
            "arch": "aarch64",
            "cores": 4,
            "features": ["neon"],
            "memory_gb": 3.8,
            "governor": "ondemand",
            "python": "3.11.2",
            "runtimes": {"ai-edge-litert": "2.3.0"},
        }
        facts: dict[str, Any] = {
            "created": "2026-01-01T00:00:00+00:00",
            "command": "fashion-bench --json now.json",
            "bundle": {"name": "shipped", "files": {}},
            "settings": {},
            "load": {"before": [0, 0, 0], "after": [0, 0, 0]},
            "floor": None,
            "skipped": (),
            "sections": Sections(),
            **more,
        }
        return Document(machine=Machine(**board | (machine or {})), results=results, **facts)

    return make


@pytest.fixture
def unread() -> Iterator[int]:
    """The file descriptor of a pipe whose reader went away, as `| head` does."""
    read, write = os.pipe()
    os.close(read)
    yield write
    os.close(write)
