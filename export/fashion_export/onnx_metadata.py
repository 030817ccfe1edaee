"""What an .onnx file says of itself, in its metadata_props."""

from typing import Any

from fashion_edge.decide import LabelSpace
from fashion_edge.preprocess import InputSpec
from fashion_export.tflite_metadata import facts_json

MIN_RUNTIME = {13: "1.6", 14: "1.8", 15: "1.9", 16: "1.11", 17: "1.12", 18: "1.14"}  # opset -> first onnxruntime


def embed(data: bytes, space: LabelSpace, spec: InputSpec, name: str) -> bytes:
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
