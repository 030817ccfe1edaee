"""Which layer int8 hurts most: each tensor of the int8 graph beside the same tensor of the float graph."""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MARK = ".k"  # behind a layer's name: TensorFlow makes names unique by a number, and `dense` becomes `dense_1`
SAMPLE = 24  # photos; the order of layers is stable from a dozen on


@dataclass(frozen=True)
class LayerError:
    """One operator of the int8 graph.

    Errors are root mean square differences from the float graph over the spread of the float values: 0 is perfect,
    1 is as good as a constant.
    """

    layer: str  # the Keras layers whose work the operator does
    operator: str
    error: float  # of its output
    added: float  # beyond the worst of its inputs: what this operator did itself


def layer_errors(float_file: bytes, int8_file: bytes, pixels: NDArray[np.uint8]) -> list[LayerError]:
    """Per-operator errors, the largest `added` first.

    Args:
        float_file: the float32 .tflite of a model whose layers' names end in `MARK` and a number.
        int8_file: the int8 .tflite of the same model.
        pixels: photos (n, h, w, 3) uint8; the first `SAMPLE` are used.
    """
    plain, small = _interpreter(float_file), _interpreter(int8_file)
    pairs = _pairs(plain, small)
    sums = {name: np.zeros(3) for name in pairs}
    for image in pixels[:SAMPLE]:
        for interpreter in (plain, small):
            interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
            interpreter.invoke()
        for name, (a, b) in pairs.items():
            exact, rough = _values(plain, a), _values(small, b)
            sums[name] += [((exact - rough) ** 2).mean(), exact.mean(), (exact**2).mean()]
    n = len(pixels[:SAMPLE])
    errors = {pairs[name][1]["index"]: _relative(*(sums[name] / n)) for name in pairs}
    return sorted(_by_operator(small, errors), key=lambda entry: -entry.added)


def _interpreter(data: bytes) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=data,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    return interpreter


def _pairs(plain: Any, small: Any) -> dict[str, tuple[Any, Any]]:
    """Operator outputs that both graphs name alike: name -> (float tensor, int8 tensor)."""
    ours, theirs = _outputs(small), _outputs(plain)
    return {
        name: (theirs[name], tensor)
        for name, tensor in ours.items()
        if name in theirs and tuple(theirs[name]["shape"]) == tuple(tensor["shape"])
    }


def _outputs(interpreter: Any) -> dict[str, Any]:
    tensors = {tensor["index"]: tensor for tensor in interpreter.get_tensor_details()}
    indices = [index for operator in interpreter._get_ops_details() for index in operator["outputs"]]
    return {tensors[index]["name"]: tensors[index] for index in indices if index in tensors}


def _values(interpreter: Any, tensor: Any) -> NDArray[np.float64]:
    values = interpreter.get_tensor(tensor["index"]).astype(np.float64)
    scale, zero = tensor["quantization"]
    return (values - zero) * scale if scale else values  # type: ignore[no-any-return]


def _relative(squares: float, mean: float, mean_square: float) -> float:
    spread = max(mean_square - mean**2, 1e-12)
    return float(np.sqrt(squares / spread))


def _by_operator(interpreter: Any, errors: dict[int, float]) -> list[LayerError]:
    """One entry for each operator whose output the float graph has too; what it has not passes its input's error on."""
    tensors = {tensor["index"]: tensor["name"] for tensor in interpreter.get_tensor_details()}
    found, errors = [], dict(errors)
    for operator in interpreter._get_ops_details():
        output, inputs = operator["outputs"][0], [i for i in operator["inputs"] if i in errors]
        inherited = max((errors[i] for i in inputs), default=0.0)
        if output in errors and (name := _layer_name(tensors[output])):  # the ends of the graph are no layer
            found.append(LayerError(name, operator["op_name"], errors[output], errors[output] - inherited))
        errors.setdefault(output, inherited)
    return found


def _layer_name(tensor: str) -> str:
    """The Keras layers in a tensor's name, which the converter joins with `;` where it merged them."""
    return " + ".join(dict.fromkeys(re.findall(r"([^/;]+)" + re.escape(MARK) + r"\d+", tensor)))
