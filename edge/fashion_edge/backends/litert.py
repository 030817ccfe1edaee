"""TFLite files on LiteRT, or on the legacy tflite-runtime where a device has only that."""

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.console import suppress_output
from fashion_edge.errors import MissingExtraError, ModelError, brief


class LiteRtBackend:
    """One interpreter with allocated tensors; it runs batches of one, so that a stream needs no padding."""

    def __init__(self, interpreter: Any, name: str) -> None:
        self.name = name
        self._interpreter = interpreter
        source, target = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
        self._source, self._target = source["index"], target["index"]
        _, height, width, _ = (int(n) for n in source["shape"])
        self.input_shape = (height, width, 3)
        self.n_labels = int(target["shape"][-1])
        self._in_type, self._in_scale = source["dtype"], source["quantization"]
        self._out_type, self._out_scale = target["dtype"], target["quantization"]
        every = np.arange(256).astype(np.uint8)
        eight_bits = self._out_type in (np.int8, np.uint8)
        # scores of all bytes: a look-up takes a quarter of the time of the arithmetic
        self._table = self._decode(every.view(self._out_type)) if eight_bits else None

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores (n, n_labels) float32 for inputs (n, height, width, 3) uint8."""
        scores = np.empty((len(batch), self.n_labels), np.float32)
        for i in range(len(batch)):
            self._interpreter.set_tensor(self._source, self._encode(batch[i : i + 1]))
            self._interpreter.invoke()
            output = self._interpreter.get_tensor(self._target)[0]
            scores[i] = self._decode(output) if self._table is None else self._table[output.view(np.uint8)]
        return scores

    def _encode(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        if self._in_type == np.uint8:
            return pixels
        if self._in_type == np.int8:  # the int8 quantization of 0..255
            return (pixels ^ 0x80).view(np.int8)
        return pixels.astype(self._in_type)

    def _decode(self, output: NDArray[Any]) -> NDArray[np.float32]:
        if self._out_type == np.float32:
            return output
        scale, zero = self._out_scale
        scores: NDArray[np.float32] = (output.astype(np.float32) - zero) * np.float32(scale)
        return scores


def load(data: bytes, file: str, threads: int, runtime: tuple[Any, str] | None = None) -> LiteRtBackend:
    """Load the bytes of a .tflite file; `runtime` is an interpreter class and its name, by default the installed one.

    Raises:
        ModelError: not a TFLite file, an unsupported operator, or not one image in and one row of scores out.
        MissingExtraError: neither runtime is installed.
    """
    interpreter_type, name = runtime or find_runtime()
    try:
        with suppress_output():  # native INFO lines; errors are exceptions
            interpreter = interpreter_type(model_content=data, num_threads=threads)
            interpreter.allocate_tensors()
    except Exception as error:  # ValueError, RuntimeError, and MemoryError of a model that needs too much
        raise ModelError(
            f"{file} does not load in {name} ({brief(error)}); export it again, or run fashion-doctor"
        ) from error
    inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
    if len(inputs) != 1 or len(outputs) != 1 or not _fits(list(inputs[0]["shape"]), list(outputs[0]["shape"])):
        raise ModelError(f"{file} must have one input (1, h, w, 3) and one output (1, labels)")
    return LiteRtBackend(interpreter, name)


def _fits(source: list[int], target: list[int]) -> bool:
    return len(source) == 4 and source[0] == 1 and source[3] == 3 and len(target) == 2 and target[0] == 1


def find_runtime() -> tuple[Any, str]:
    """Import the runtime; returns its interpreter class, and its name with its version. Raises `MissingExtraError`."""
    for module, package in (("ai_edge_litert", "ai-edge-litert"), ("tflite_runtime", "tflite-runtime")):
        try:
            interpreter = import_module(f"{module}.interpreter").Interpreter
        except ImportError:
            continue
        return interpreter, f"{package} {import_module(module).__version__}"
    raise MissingExtraError("a TFLite runtime (ai-edge-litert)", "headless")
