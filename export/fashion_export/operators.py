"""Operators of a model file with their versions, and the oldest runtime that reads it."""

from collections import Counter

from fashion_export.flatbuffer import builtin_of, read_model
from fashion_export.onnx_metadata import min_runtime as onnx_min_runtime

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
    return dict(sorted(Counter(node.op_type for node in model.graph.node).items())), onnx_min_runtime(model)
