"""ONNX float32 by tf2onnx from the traced function: input `image` uint8 NHWC, output `scores`, the cast inside."""

from fashion_export.trace import trace
from fashion_export.variants.job import Job

OPSET = 13  # the first with per-channel QuantizeLinear; onnxruntime reads it since 1.6 (2020)


def convert(job: Job) -> bytes:
    """The bytes of an .onnx file with batch 1."""
    import tf2onnx

    function = trace(job.model, job.spec, "uint8")
    proto, _ = tf2onnx.convert.from_function(function, input_signature=function.input_signature, opset=OPSET)
    data: bytes = proto.SerializeToString(deterministic=True)
    return data
