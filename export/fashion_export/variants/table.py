"""The table of variants, in the order of preference that a bundle lists them."""

from dataclasses import dataclass
from importlib import import_module

from fashion_export.variants.job import Job


@dataclass(frozen=True)
class Recipe:
    """One variant: its file, the runtime it is for, its precision, and the module that converts to it."""

    file: str
    runtime: str
    precision: str
    module: str
    standard: bool = False  # part of `--int8`

    @property
    def name(self) -> str:
        """`litert int8`: what tables and messages call it."""
        return f"{self.runtime} {self.precision}"


ALL = (
    Recipe("model.int8.tflite", "litert", "int8", "tflite_int8", standard=True),
    Recipe("model.int16x8.tflite", "litert", "int16x8", "tflite_int16x8"),
    Recipe("model.dynamic.tflite", "litert", "dynamic", "tflite_dynamic"),
    Recipe("model.float16.tflite", "litert", "float16", "tflite_float16"),
    Recipe("model.float32.tflite", "litert", "float32", "tflite_float32", standard=True),
    Recipe("model.int8.onnx", "onnx", "int8", "onnx_int8"),
    Recipe("model.onnx", "onnx", "float32", "onnx_float32", standard=True),
)
STANDARD = tuple(recipe for recipe in ALL if recipe.standard)


def convert(recipe: Recipe, job: Job) -> bytes:
    """Run the recipe's converter; the bytes of the model file."""
    data: bytes = import_module(f"fashion_export.variants.{recipe.module}").convert(job)
    return data
