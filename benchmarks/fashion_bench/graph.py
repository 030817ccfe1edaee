"""TFLite graphs, read and written through LiteRT's own schema: operations counted, and small models made."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Operators that only move or relabel data.
FREE = frozenset({"RESHAPE", "SQUEEZE", "EXPAND_DIMS", "CONCATENATION", "PAD", "TRANSPOSE", "SHAPE", "PACK", "SLICE"})
TENSOR_TYPES = {"float32": "FLOAT32", "int8": "INT8", "int32": "INT32", "uint8": "UINT8"}


@dataclass(frozen=True)
class Operator:
    """One node of a graph, with the shapes that decide its cost."""

    name: str
    inputs: tuple[tuple[int, ...], ...]
    outputs: tuple[tuple[int, ...], ...]

    @property
    def operations(self) -> int:
        """Multiplications and additions: two a multiply-accumulate, one an element of anything else that computes."""
        if self.name in FREE:
            return 0
        size_in, size_out = _size(self.inputs[0]), _size(self.outputs[0])
        if self.name == "CONV_2D":  # weights (out, kh, kw, in)
            return 2 * size_out * _size(self.inputs[1][1:])
        if self.name == "DEPTHWISE_CONV_2D":  # weights (1, kh, kw, channels)
            return 2 * size_out * _size(self.inputs[1][1:3])
        if self.name == "FULLY_CONNECTED":  # weights (out, in)
            return 2 * size_out * self.inputs[1][1]
        if self.name == "BATCH_MATMUL":  # (..., rows, inner) by (..., inner, columns), either perhaps transposed
            return 2 * size_out * (_size(self.inputs[0][-2:]) // self.outputs[0][-2])
        if self.name == "TRANSPOSE_CONV":  # shape of the output, weights (out, kh, kw, in), picture
            return 2 * _size(self.inputs[2]) * _size(self.inputs[1][:3])
        return max(size_in, size_out)


def read_operators(data: bytes) -> tuple[Operator, ...]:
    """Operators of the first subgraph of a .tflite file, in execution order."""
    model = _schema().ModelT.InitFromObj(_schema().Model.GetRootAs(data, 0))
    names = {code: name for name, code in vars(_schema().BuiltinOperator).items() if not name.startswith("_")}
    graph = model.subgraphs[0]
    shapes = [tuple(int(n) for n in (tensor.shape if tensor.shape is not None else ())) for tensor in graph.tensors]

    def operators() -> Iterator[Operator]:
        for node in graph.operators:
            code = model.operatorCodes[node.opcodeIndex]
            number = max(code.builtinCode, code.deprecatedBuiltinCode)
            inputs = tuple(shapes[i] for i in node.inputs if i >= 0)
            yield Operator(names.get(number, f"operator {number}"), inputs, tuple(shapes[i] for i in node.outputs))

    return tuple(operators())


def cut_after(data: bytes, count: int) -> bytes:
    """The .tflite file that ends after its first `count` operators and gives what the last of them computes."""
    model = _schema().ModelT.InitFromObj(_schema().Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    graph.operators = graph.operators[:count]
    graph.outputs = np.array(graph.operators[-1].outputs, np.int32)
    model.signatureDefs = []
    return _pack(model)


@dataclass(frozen=True)
class Tensor:
    """A tensor of a model to be written; `data` makes it a constant, `grid` quantizes it."""

    shape: tuple[int, ...]
    dtype: str = "float32"
    data: NDArray[Any] | None = None
    grid: tuple[float, int] | None = None  # (scale, zero point)


@dataclass(frozen=True)
class Node:
    """An operator of a model to be written; numbers are places in the list of tensors."""

    name: str  # as in BuiltinOperator
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: Any = None  # an ...OptionsT object of LiteRT's schema


def write_model(
    tensors: Sequence[Tensor], nodes: Sequence[Node], inputs: Sequence[int], outputs: Sequence[int]
) -> bytes:
    """The bytes of a .tflite file with one subgraph."""
    schema = _schema()
    model, graph = schema.ModelT(), schema.SubGraphT()
    model.version, model.buffers = 3, [_buffer(None), *(_buffer(tensor.data) for tensor in tensors)]
    codes = sorted({node.name for node in nodes})
    model.operatorCodes = [_operator_code(name) for name in codes]
    graph.tensors = [_tensor(tensor, place + 1) for place, tensor in enumerate(tensors)]
    graph.operators = [_node(node, codes.index(node.name)) for node in nodes]
    graph.inputs, graph.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    model.subgraphs = [graph]
    return _pack(model)


def dense_model(rows: int, inputs: int, outputs: int, *, int8: bool) -> bytes:
    """One fully connected layer, (rows, inputs) -> (rows, outputs): what the measured peak is made of."""
    schema, rng = _schema(), np.random.default_rng(0)
    dtype = "int8" if int8 else "float32"
    weights = rng.integers(-127, 128, (outputs, inputs)).astype(dtype)
    bias = np.zeros(outputs, np.int32 if int8 else np.float32)
    options = schema.FullyConnectedOptionsT()
    tensors = [
        Tensor((rows, inputs), dtype, grid=(0.01, 0) if int8 else None),
        Tensor(weights.shape, dtype, weights, (0.01, 0) if int8 else None),
        Tensor(bias.shape, str(bias.dtype), bias, (0.0001, 0) if int8 else None),
        Tensor((rows, outputs), dtype, grid=(1.0, 0) if int8 else None),
    ]
    return write_model(tensors, [Node("FULLY_CONNECTED", (0, 1, 2), (3,), options)], [0], [3])


def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def _buffer(data: NDArray[Any] | None) -> Any:
    buffer = _schema().BufferT()
    if data is not None:
        buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
    return buffer


def _operator_code(name: str) -> Any:
    code = _schema().OperatorCodeT()
    code.builtinCode = getattr(_schema().BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 4 if name == "FULLY_CONNECTED" else 3 if name in ("CONV_2D", "DEPTHWISE_CONV_2D") else 1
    return code


def _tensor(tensor: Tensor, buffer: int) -> Any:
    entry = _schema().TensorT()
    entry.name, entry.shape, entry.buffer = f"t{buffer}", np.array(tensor.shape, np.int32), buffer
    entry.type = getattr(_schema().TensorType, TENSOR_TYPES[tensor.dtype])
    if tensor.grid:
        entry.quantization = _schema().QuantizationParametersT()
        entry.quantization.scale = np.array([tensor.grid[0]], np.float32)
        entry.quantization.zeroPoint = np.array([tensor.grid[1]], np.int64)
    return entry


def _node(node: Node, code: int) -> Any:
    entry = _schema().OperatorT()
    entry.opcodeIndex = code
    entry.inputs, entry.outputs = np.array(node.inputs, np.int32), np.array(node.outputs, np.int32)
    if node.options is not None:
        entry.builtinOptions = node.options
        entry.builtinOptionsType = getattr(_schema().BuiltinOptions, type(node.options).__name__.removesuffix("T"))
    return entry


def _pack(model: Any) -> bytes:
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    return bytes(convert_object_to_bytearray(model))


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))
