"""ONNX files on ONNX Runtime, on the CPU."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.errors import MissingExtraError, ModelError, brief


class OnnxBackend:
    """One session; input `(1 or n, h, w, 3)` uint8, output `(1 or n, labels)` float32."""

    def __init__(self, session: Any, name: str) -> None:
        self.name = name
        self._session = session
        source, target = session.get_inputs()[0], session.get_outputs()[0]
        self._source, self._outputs = source.name, [target.name]
        self._any_batch = not isinstance(source.shape[0], int)
        self.input_shape: tuple[int, int, int] = tuple(source.shape[1:])
        self.n_labels: int = target.shape[1]

    def run(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Scores (n, n_labels) float32 for inputs (n, height, width, 3) uint8."""
        if self._any_batch or len(batch) == 1:
            return self._session.run(self._outputs, {self._source: batch})[0]  # type: ignore[no-any-return]
        rows = [self._session.run(self._outputs, {self._source: batch[i : i + 1]})[0] for i in range(len(batch))]
        return np.concatenate(rows) if rows else np.empty((0, self.n_labels), np.float32)


def load(data: bytes, file: str, threads: int) -> OnnxBackend:
    """Load the bytes of an .onnx file.

    Raises:
        ModelError: not an ONNX file, an unsupported operator, or not one uint8 image in and one row out.
        MissingExtraError: onnxruntime is not installed.
    """
    ort, name = find_runtime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # keeps an idle Pi cool
    try:
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions share no base class but Exception
        raise ModelError(
            f"{file} does not load in {name} ({brief(error)}); export it again, or run fashion-doctor"
        ) from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or len(outputs) != 1 or not _fits(inputs[0], outputs[0]):
        raise ModelError(f"{file} must have one input (n, h, w, 3) of uint8 and one output (n, labels)")
    return OnnxBackend(session, name)


def find_runtime() -> tuple[Any, str]:
    """Import onnxruntime; returns the module, and its name with its version. Raises `MissingExtraError`."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingExtraError("onnxruntime", "onnx") from error
    return ort, f"onnxruntime {ort.__version__}"


def _fits(source: Any, target: Any) -> bool:
    """Return whether pixels are uint8 and all sizes but the batch are fixed: others are a string or None."""
    if source.type != "tensor(uint8)" or len(source.shape) != 4 or len(target.shape) != 2:
        return False
    batch, *size, channels = source.shape
    one_by_one = batch == 1 or not isinstance(batch, int)
    return one_by_one and channels == 3 and all(isinstance(length, int) for length in (*size, target.shape[1]))
