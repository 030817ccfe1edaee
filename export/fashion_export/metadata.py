"""Metadata inside model files: labels, groups, thresholds and the input's format; and which runtimes read a file."""

import io
import zipfile
from collections import Counter
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from fashion_edge.decide import LabelSpace
from fashion_edge.preprocess import InputSpec
from fashion_edge.typed_json import encode_json
from fashion_export.flatbuffer import builtin_of, read_model, write_model, write_table

KEY = b"TFLITE_METADATA"
FILE_ID = b"M001"
LABELS_FILE = "labels.txt"
FACTS_FILE = "fashion.json"
PARSER = "1.0.0"  # the oldest metadata parser that knows every field below
AXIS_LABELS = np.int8(2)  # AssociatedFileType.TENSOR_AXIS_LABELS
IMAGE_PROPERTIES = np.int8(2)  # ContentProperties.ImageProperties
NORMALIZATION = np.int8(1)  # ProcessUnitOptions.NormalizationOptions
RGB = np.int8(1)  # ColorSpaceType.RGB
EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time keeps the bytes reproducible


def embed_tflite(data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """A .tflite file with tensors named `image` and `scores`, a signature, the metadata and the label file."""
    model = read_model(data)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b"scores"
    model.signatureDefs = [_signature(graph)]
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(describe(space, spec, name), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = KEY, len(model.buffers) - 1
    model.metadata = [*(old for old in model.metadata or () if old.name != KEY), entry]
    return write_model(model) + _archive(space, spec)


def describe(space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """The metadata flatbuffer; slot numbers are those of TensorFlow's metadata_schema.fbs."""
    size = {0: np.uint32(spec.width), 1: np.uint32(spec.height)}
    image = {
        0: "image",
        1: f"{spec.channels} pixels 0..255, {spec.width} x {spec.height}",
        3: {0: IMAGE_PROPERTIES, 1: {0: RGB, 1: size}},
        4: [{0: NORMALIZATION, 1: {0: [0.0], 1: [1.0]}}],  # pixels as they are: the scaling is in the graph
        5: {0: [255.0], 1: [0.0]},
    }
    labels = {0: LABELS_FILE, 1: "one label a line, in output order", 2: AXIS_LABELS}
    scores = {
        0: "scores",
        1: "a score 0..1 for each label; fashion.json says from where on it counts",
        5: {0: [1.0], 1: [0.0]},
        6: [labels],
    }
    facts = {0: FACTS_FILE, 1: "labels, groups, thresholds and the fit of the frame"}
    classifier = f"Image classifier: {', '.join(space.labels)}"
    return write_table({0: name, 1: classifier, 3: [{2: [image], 3: [scores]}], 6: [facts], 7: PARSER}, FILE_ID)


def facts_json(space: LabelSpace, spec: InputSpec) -> str:
    """Labels, groups, thresholds and input: what another program needs to decide in the same way."""
    labels = {"labels": space.labels, "groups": dict(space.groups), "thresholds": dict(space.thresholds)}
    return encode_json({**labels, "input": vars(spec)}).decode()


def _signature(graph: Any) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    signature.inputs[0].name, signature.inputs[0].tensorIndex = b"image", int(graph.inputs[0])
    signature.outputs[0].name, signature.outputs[0].tensorIndex = b"scores", int(graph.outputs[0])
    return signature


def _archive(space: LabelSpace, spec: InputSpec) -> bytes:
    """The zip archive after the flatbuffer; stored, not deflated, since it is mapped in place."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, EPOCH), "\n".join(space.labels) + "\n")
        archive.writestr(zipfile.ZipInfo(FACTS_FILE, EPOCH), facts_json(space, spec))
    return memory.getvalue()


MIN_RUNTIME = {13: "1.6", 14: "1.8", 15: "1.9", 16: "1.11", 17: "1.12", 18: "1.14"}  # opset -> first onnxruntime


def embed_onnx(data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """An .onnx file with labels, the facts as JSON and the oldest onnxruntime it needs; see `embed_tflite`."""
    import onnx

    model = onnx.load_from_string(data)
    props = {"name": name, "labels": ",".join(space.labels), FACTS_FILE: facts_json(space, spec)}
    props["min_runtime"] = _min_onnxruntime(model)
    del model.metadata_props[:]
    for key, value in props.items():
        model.metadata_props.add(key=key, value=value)
    return bytes(model.SerializeToString(deterministic=True))


def _min_onnxruntime(model: Any) -> str:
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return f"onnxruntime {MIN_RUNTIME.get(opset, 'unknown')}"


RUNTIME_KEY = b"min_runtime_version"


def tflite_operators(data: bytes) -> tuple[dict[str, int], str]:
    """`NAME vN` -> count, and the oldest TFLite runtime, as recorded by the converter."""
    model = read_model(data)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    labels = [f"{names.get(builtin_of(code), builtin_of(code))} v{code.version}" for code in model.operatorCodes]
    counts = Counter(labels[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators)
    runtime = next((entry.buffer for entry in model.metadata or () if entry.name == RUNTIME_KEY), None)
    raw = bytes(model.buffers[runtime].data).rstrip(b"\0").decode() if runtime is not None else "unknown"
    return dict(sorted(counts.items())), f"TFLite {raw}"


def onnx_operators(data: bytes) -> tuple[dict[str, int], str]:
    """Operator -> count, and the oldest onnxruntime."""
    import onnx

    model = onnx.load_from_string(data)
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items())), _min_onnxruntime(model)


# Operator -> newest version that tflite-runtime 2.14.0 accepts. Measured by loading files.
NEWEST = {
    "ADD": 5, "AVERAGE_POOL_2D": 3, "BATCH_MATMUL": 4, "BROADCAST_TO": 3, "CAST": 5, "CONCATENATION": 4, "CONV_2D": 7,
    "DEPTHWISE_CONV_2D": 7, "DEQUANTIZE": 5, "DIV": 2, "ELU": 1, "EXP": 2, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 10,
    "GELU": 2, "HARD_SWISH": 1, "LEAKY_RELU": 2, "LOGISTIC": 3, "MAXIMUM": 4, "MAX_POOL_2D": 3, "MEAN": 3, "MINIMUM": 4,
    "MUL": 7, "PACK": 4, "PAD": 4, "PADV2": 4, "PRELU": 1, "QUANTIZE": 3, "REDUCE_MAX": 3, "RELU": 3, "RELU6": 3,
    "RESHAPE": 1, "RSQRT": 2, "SHAPE": 1, "SOFTMAX": 3, "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8,
    "SUB": 5, "SUM": 2, "TANH": 3, "TRANSPOSE": 6,
}  # fmt: skip


def unsupported_by_legacy(operators: dict[str, int]) -> list[str]:
    """Operators, `NAME vN`, that are too new for tflite-runtime 2.14; one that was not measured counts as too new."""
    words = (operator.split(" v") for operator in operators)
    return [f"{name} v{version}" for name, version in words if int(version) > NEWEST.get(name, 0)]
