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

    @property
    def name(self) -> str:
        """`litert int8`: what tables and messages call it."""
        return f"{self.runtime} {self.precision}"


ALL = (
    Recipe("model.int8.tflite", "litert", "int8", "tflite_int8"),
    Recipe("model.float32.tflite", "litert", "float32", "tflite_float32"),
    Recipe("model.onnx", "onnx", "float32", "onnx_float32"),
)
STANDARD = tuple(recipe for recipe in ALL if recipe.name in ("litert int8", "litert float32", "onnx float32"))


def convert(recipe: Recipe, job: Job) -> bytes:
    """Run the recipe's converter; the bytes of the model file."""
    data: bytes = import_module(f"fashion_export.variants.{recipe.module}").convert(job)
    return data
