"""Every variant of a bundle, in one table."""

from collections.abc import Callable
from dataclasses import dataclass

from fashion_export.variants import onnx, tflite
from fashion_export.variants.job import Job

__all__ = ["ALL", "FLOAT32", "INT8", "STANDARD", "Job", "Recipe"]


@dataclass(frozen=True)
class Recipe:
    """One variant: its file, the runtime and precision, and the function that converts to it."""

    file: str
    runtime: str
    precision: str
    convert: Callable[[Job], bytes]

    @property
    def name(self) -> str:
        """`litert int8`, as tables and messages call it."""
        return f"{self.runtime} {self.precision}"


INT8 = Recipe("model.int8.tflite", "litert", "int8", tflite.convert_int8)
FLOAT32 = Recipe("model.float32.tflite", "litert", "float32", tflite.convert_float32)
ONNX = Recipe("model.onnx", "onnx", "float32", onnx.convert_float32)
STANDARD = (INT8, FLOAT32, ONNX)
ALL = (  # in the order of preference that a bundle lists them in
    INT8,
    Recipe("model.int16x8.tflite", "litert", "int16x8", tflite.convert_int16x8),
    Recipe("model.dynamic.tflite", "litert", "dynamic", tflite.convert_dynamic),
    Recipe("model.float16.tflite", "litert", "float16", tflite.convert_float16),
    FLOAT32,
    Recipe("model.int8.onnx", "onnx", "int8", onnx.convert_int8),
    ONNX,
)
