"""What the last tflite-runtime, 2.14 of 2023, still reads: many devices have no newer one."""

import io
import json
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np

from fashion_edge.decide import LabelSpace
from fashion_edge.preprocess import InputSpec
from fashion_export.flatbuffer import builtin_of, read_model, write_model
from fashion_export.outcome import Artefact


@dataclass(frozen=True)
class Byte:
    """An int8 or enum field."""

    value: int


@dataclass(frozen=True)
class UInt:
    """A uint32 field."""

    value: int


@dataclass(frozen=True)
class Table:
    """A table: slot number -> Byte, UInt, str, Table, list of Table, or list of float."""

    slots: dict[int, Any] = field(default_factory=dict)


def to_flatbuffer(root: Table, file_id: bytes) -> bytes:
    """The finished buffer."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root), file_id)
    return bytes(builder.Output())


def _table(builder: Any, table: Table) -> int:
    """Children first, as flatbuffers wants it; the table's offset."""
    offsets = {slot: _child(builder, value) for slot, value in table.slots.items()}
    builder.StartObject(max(table.slots, default=-1) + 1)
    for slot, value in table.slots.items():
        if isinstance(value, Byte):
            builder.PrependInt8Slot(slot, value.value, 0)
        elif isinstance(value, UInt):
            builder.PrependUint32Slot(slot, value.value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
    return int(builder.EndObject())


def _child(builder: Any, value: Any) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, Table):
        return _table(builder, value)
    if not isinstance(value, list):
        return 0
    if value and isinstance(value[0], float):
        builder.StartVector(4, len(value), 4)
        for number in reversed(value):
            builder.PrependFloat32(number)
        return int(builder.EndVector())
    offsets = [_table(builder, entry) for entry in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


KEY = b"TFLITE_METADATA"
FILE_ID = b"M001"
LABELS_FILE = "labels.txt"
FACTS_FILE = "fashion.json"
PARSER = "1.0.0"  # the oldest metadata parser that knows every field below
AXIS_LABELS = 2  # AssociatedFileType.TENSOR_AXIS_LABELS
IMAGE_PROPERTIES = 2  # ContentProperties.ImageProperties
NORMALIZATION = 1  # ProcessUnitOptions.NormalizationOptions
RGB = 1  # ColorSpaceType.RGB
EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time keeps the bytes reproducible


def embed(data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """A .tflite file with its ends named `image` and `scores`, a signature, the metadata and the label file.

    Args:
        data: the converter's file.
        space: labels, groups and thresholds; the last two go into fashion.json.
        spec: input size and fit.
        name: what the model is called.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(data)
    graph = model.subgraphs[0]
    graph.tensors[graph.inputs[0]].name = b"image"
    graph.tensors[graph.outputs[0]].name = b"scores"
    model.signatureDefs = [_signature(schema, graph)]
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(describe(space, spec, name), np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = KEY, len(model.buffers) - 1
    model.metadata = [*(old for old in model.metadata or () if old.name != KEY), entry]
    return write_model(model) + _archive(space, spec)


def describe(space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """The metadata flatbuffer."""
    normalization = Table({0: [0.0], 1: [1.0]})  # pixels as they are: the scaling is in the graph
    size = Table({0: UInt(spec.width), 1: UInt(spec.height)})
    image = Table(
        {
            0: "image",
            1: f"{spec.channels} pixels 0..255, {spec.width} x {spec.height}",
            3: Table({0: Byte(IMAGE_PROPERTIES), 1: Table({0: Byte(RGB), 1: size})}),
            4: [Table({0: Byte(NORMALIZATION), 1: normalization})],
            5: Table({0: [255.0], 1: [0.0]}),
        }
    )
    labels = Table({0: LABELS_FILE, 1: "one label a line, in output order", 2: Byte(AXIS_LABELS)})
    scores = Table(
        {
            0: "scores",
            1: "a score 0..1 for each label; fashion.json says from where on it counts",
            5: Table({0: [1.0], 1: [0.0]}),
            6: [labels],
        }
    )
    facts = Table({0: FACTS_FILE, 1: "labels, groups, thresholds and the fit of the frame"})
    return to_flatbuffer(
        Table(
            {
                0: name,
                1: f"Image classifier: {', '.join(space.labels)}",
                3: [Table({2: [image], 3: [scores]})],
                6: [facts],
                7: PARSER,
            }
        ),
        FILE_ID,
    )


def facts_json(space: LabelSpace, spec: InputSpec) -> str:
    """Labels, groups, thresholds and input: what a program needs to decide as we do."""
    facts = {
        "labels": list(space.labels),
        "groups": {group: list(members) for group, members in space.groups.items()},
        "thresholds": dict(space.thresholds),
        "input": vars(spec),
    }
    return json.dumps(facts)


def _signature(schema: Any, graph: Any) -> Any:
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = b"serving_default", 0
    signature.inputs, signature.outputs = [schema.TensorMapT()], [schema.TensorMapT()]
    signature.inputs[0].name, signature.inputs[0].tensorIndex = b"image", int(graph.inputs[0])
    signature.outputs[0].name, signature.outputs[0].tensorIndex = b"scores", int(graph.outputs[0])
    return signature


def _archive(space: LabelSpace, spec: InputSpec) -> bytes:
    """The zip that stands behind the flatbuffer; stored, not deflated, since it is mapped in place."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, EPOCH), "\n".join(space.labels) + "\n")
        archive.writestr(zipfile.ZipInfo(FACTS_FILE, EPOCH), facts_json(space, spec))
    return memory.getvalue()


MIN_RUNTIME = {13: "1.6", 14: "1.8", 15: "1.9", 16: "1.11", 17: "1.12", 18: "1.14"}  # opset -> first onnxruntime


def embed_onnx_metadata(data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
    """An .onnx file with labels, the facts as JSON and the oldest onnxruntime it needs."""
    import onnx

    model = onnx.load_from_string(data)
    props = {
        "name": name,
        "labels": ",".join(space.labels),
        "fashion.json": facts_json(space, spec),
        "min_runtime": min_runtime(model),
    }
    del model.metadata_props[:]
    for key, value in props.items():
        model.metadata_props.add(key=key, value=value)
    result: bytes = model.SerializeToString(deterministic=True)
    return result


def min_runtime(model: Any) -> str:
    """The oldest onnxruntime that reads the model's opset."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return f"onnxruntime {MIN_RUNTIME.get(opset, 'unknown')}"


RUNTIME_KEY = b"min_runtime_version"


def tflite_operators(data: bytes) -> tuple[dict[str, int], str]:
    """`NAME vN` -> count, and the oldest TFLite runtime, as the converter recorded it."""
    from ai_edge_litert import schema_py_generated as schema

    model = read_model(data)
    names = {code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")}
    labels = []
    for code in model.operatorCodes:
        builtin = builtin_of(code)
        labels.append(f"{names.get(builtin, builtin)} v{code.version}")
    counts = Counter(labels[operator.opcodeIndex] for graph in model.subgraphs for operator in graph.operators)
    runtime = next((entry.buffer for entry in model.metadata or () if entry.name == RUNTIME_KEY), None)
    raw = bytes(model.buffers[runtime].data).rstrip(b"\0").decode() if runtime is not None else "unknown"
    return dict(sorted(counts.items())), f"TFLite {raw}"


def onnx_operators(data: bytes) -> tuple[dict[str, int], str]:
    """Operator -> count, and the oldest onnxruntime."""
    import onnx

    model = onnx.load_from_string(data)
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items())), min_runtime(model)


# Operator -> newest version that tflite-runtime 2.14.0 accepts. Measured: each version was put into a file and loaded.
NEWEST = {
    "ADD": 5, "AVERAGE_POOL_2D": 3, "BATCH_MATMUL": 4, "BROADCAST_TO": 3, "CAST": 5, "CONCATENATION": 4, "CONV_2D": 7,
    "DEPTHWISE_CONV_2D": 7, "DEQUANTIZE": 5, "DIV": 2, "ELU": 1, "EXP": 2, "EXPAND_DIMS": 1, "FULLY_CONNECTED": 10,
    "GELU": 2, "HARD_SWISH": 1, "LEAKY_RELU": 2, "LOGISTIC": 3, "MAXIMUM": 4, "MAX_POOL_2D": 3, "MEAN": 3, "MINIMUM": 4,
    "MUL": 7, "PACK": 4, "PAD": 4, "PADV2": 4, "PRELU": 1, "QUANTIZE": 3, "REDUCE_MAX": 3, "RELU": 3, "RELU6": 3,
    "RESHAPE": 1, "RSQRT": 2, "SHAPE": 1, "SOFTMAX": 3, "SQUARED_DIFFERENCE": 2, "SQUEEZE": 2, "STRIDED_SLICE": 8,
    "SUB": 5, "SUM": 2, "TANH": 3, "TRANSPOSE": 6,
}  # fmt: skip


def refused_by_legacy(artefact: Artefact) -> list[str]:
    """Operators, `NAME vN`, that tflite-runtime 2.14 is too old for; one that was not measured counts as refused."""
    if artefact.recipe.runtime != "litert":
        return []
    words = (operator.split(" v") for operator in artefact.operators)
    return [f"{name} v{version}" for name, version in words if int(version) > NEWEST.get(name, 0)]
