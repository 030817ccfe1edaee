"""The ceiling: what this CPU computes at best, measured, against what a variant makes of it."""

import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


ROUNDS = 12  # each in a new order; of their medians the lowest counts: the round that other programs left alone
ROUND_SECONDS = 0.02
OPERATORS_FREE = frozenset(
    {"Reshape", "Transpose", "Flatten", "Cast", "Squeeze", "Unsqueeze", "Concat", "Shape", "Identity"}
)
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})


def tflite_operators(data: bytes, threads: int, picture: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """[{"name", "ms", "operations"}] in execution order; `ms` can come out slightly negative where nothing is added."""
    from ai_edge_litert.interpreter import Interpreter

    operators = read_operators(data)
    runs: list[Callable[[], object]] = []
    for count in range(1, len(operators) + 1):
        interpreter = Interpreter(model_content=cut_after(data, count), num_threads=threads)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]
        interpreter.set_tensor(source["index"], picture.astype(source["dtype"]))
        runs.append(interpreter.invoke)
    totals = _quietest_medians(runs)
    return [
        {"name": f"{place} {operator.name}", "ms": round(total - before, 5), "operations": operator.operations}
        for place, (operator, before, total) in enumerate(zip(operators, [0.0, *totals], totals, strict=False))
    ]


def onnx_operators(data: bytes, threads: int, picture: NDArray[np.uint8], runs: int = 200) -> list[dict[str, Any]]:
    """[{"name", "ms", "operations"}] of the graph as ONNX Runtime executes it, from its profiler."""
    events = _profile(data, threads, picture, runs, optimize=True)
    taken: dict[str, list[float]] = {}
    for event in events:
        taken.setdefault(_label(event), []).append(event["dur"] / 1e3)
    seen = {_label(event): event for event in events}
    return [
        {"name": name, "ms": round(float(np.median(ms)), 5), "operations": onnx_node_operations(seen[name]["args"])}
        for name, ms in taken.items()
    ]


def count_operations(runtime: str, data: bytes, picture: NDArray[np.uint8]) -> int | None:
    """Multiplications and additions of one inference, counted from the graph as it is stored; None if not countable."""
    if runtime == "litert":
        return sum(operator.operations for operator in read_operators(data))
    counts = [onnx_node_operations(event["args"]) for event in _profile(data, 1, picture, 1, optimize=False)]
    return sum(count for count in counts if count is not None) if None not in counts else None


def onnx_node_operations(node: Mapping[str, Any]) -> int | None:
    """Operations of one profiled node, from its shapes; None where its weights' shape is not told."""
    kind = node["op_name"]
    inputs, outputs = _shapes(node["input_type_shape"]), _shapes(node["output_type_shape"])
    if kind in OPERATORS_FREE or kind in QUANTIZERS or kind.startswith("Reorder") or not outputs:
        return 0
    size = int(np.prod(outputs[0], dtype=np.int64))
    if kind.endswith("Conv"):  # Conv, FusedConv, QLinearConv: weights (out, in / groups, kh, kw)
        weights = next((shape for shape in inputs[1:] if len(shape) == 4), None)
        return 2 * size * int(np.prod(weights[1:], dtype=np.int64)) if weights else None
    if kind == "ConvTranspose":  # weights (in, out / groups, kh, kw)
        return 2 * int(np.prod(inputs[0] + inputs[1][1:], dtype=np.int64)) if len(inputs) > 1 else None
    if kind.endswith(("MatMul", "Gemm", "MatMulInteger")):
        return 2 * size * inputs[0][-1]
    return max(size, int(np.prod(inputs[0], dtype=np.int64))) if inputs else size


def _quietest_medians(runs: Sequence[Callable[[], object]]) -> list[float]:
    order, shuffle = list(range(len(runs))), random.Random(0)  # noqa: S311 - an order, not a secret
    medians: list[list[float]] = [[] for _ in runs]
    for run in runs:
        run()
    for _ in range(ROUNDS):
        shuffle.shuffle(order)
        for place in order:
            medians[place].append(_median_ms(runs[place]))
    return [min(values) for values in medians]


def _median_ms(run: Callable[[], object]) -> float:
    taken: list[int] = []
    begin = time.perf_counter()
    run()  # brings this graph's weights back into the cache
    while time.perf_counter() - begin < ROUND_SECONDS or len(taken) < 5:
        start = time.perf_counter_ns()
        run()
        taken.append(time.perf_counter_ns() - start)
    return float(np.median(taken)) / 1e6


def _profile(
    data: bytes, threads: int, picture: NDArray[np.uint8], runs: int, *, optimize: bool
) -> list[dict[str, Any]]:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    levels = ort.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimize else levels.ORT_DISABLE_ALL
    options.enable_profiling = True
    with tempfile.TemporaryDirectory() as folder:
        options.profile_file_prefix = str(Path(folder) / "profile")
        session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        for _ in range(runs):
            session.run(None, {name: picture})
        events = json.loads(Path(session.end_profiling()).read_text())
    return [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]


def _label(event: Mapping[str, Any]) -> str:
    return f"{event['args']['op_name']} {event['name'].removesuffix('_kernel_time')}"


def _shapes(entries: Sequence[Mapping[str, list[int]]]) -> list[list[int]]:
    return [shape for entry in entries for shape in entry.values()]


SHAPES = ((64, 512, 512), (256, 512, 512), (256, 1024, 1024))  # rows, inputs, outputs: fit L2, L3, neither
SECONDS = 0.25  # for each shape


def measure_peak(threads: int) -> dict[str, float]:
    """{"float32", "int8"}: operations a second of the best of a few large matrix products, in LiteRT's own kernels."""
    return {name: max(_rate(shape, threads, int8=name == "int8") for shape in SHAPES) for name in ("float32", "int8")}


def _rate(shape: tuple[int, int, int], threads: int, *, int8: bool) -> float:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=dense_model(*shape, int8=int8), num_threads=threads)
    interpreter.allocate_tensors()
    best, begin = float("inf"), time.perf_counter()
    while time.perf_counter() - begin < SECONDS:
        start = time.perf_counter()
        interpreter.invoke()
        best = min(best, time.perf_counter() - start)
    rows, inputs, outputs = shape
    return 2 * rows * inputs * outputs / best
