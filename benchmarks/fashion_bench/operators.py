"""Operators of a model file: their operations and times."""

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
        if self.name == "BATCH_MATMUL":  # (..., rows, inner) by (..., inner, columns), either may be transposed
            return 2 * size_out * (_size(self.inputs[0][-2:]) // self.outputs[0][-2])
        if self.name == "TRANSPOSE_CONV":  # shape of the output, weights (out, kh, kw, in), image
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
    """The .tflite file that ends after its first `count` operators, with the result of the last one as output."""
    model = _schema().ModelT.InitFromObj(_schema().Model.GetRootAs(data, 0))
    graph = model.subgraphs[0]
    graph.operators = graph.operators[:count]
    graph.outputs = np.array(graph.operators[-1].outputs, np.int32)
    model.signatureDefs = []
    return _pack(model)


def _schema() -> Any:
    from ai_edge_litert import schema_py_generated

    return schema_py_generated


def _pack(model: Any) -> bytes:
    from ai_edge_litert.tools.flatbuffer_utils import convert_object_to_bytearray

    return bytes(convert_object_to_bytearray(model))


def _size(shape: Sequence[int]) -> int:
    return int(np.prod(shape, dtype=np.int64))


ROUNDS = 12  # each in a new order; the lowest median counts, of the round that other programs disturbed least
ROUND_SECONDS = 0.02
OPERATORS_FREE = frozenset(
    {"Reshape", "Transpose", "Flatten", "Cast", "Squeeze", "Unsqueeze", "Concat", "Shape", "Identity"}
)
QUANTIZERS = frozenset({"QuantizeLinear", "DequantizeLinear"})


def tflite_operators(data: bytes, threads: int, batch: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """[{"name", "ms", "operations"}] in execution order; `ms` can come out slightly negative where nothing is added."""
    from ai_edge_litert.interpreter import Interpreter

    operators = read_operators(data)
    runs: list[Callable[[], object]] = []
    for count in range(1, len(operators) + 1):
        interpreter = Interpreter(model_content=cut_after(data, count), num_threads=threads)
        interpreter.allocate_tensors()
        source = interpreter.get_input_details()[0]
        interpreter.set_tensor(source["index"], batch.astype(source["dtype"]))
        runs.append(interpreter.invoke)
    totals = _lowest_medians(runs)
    return [
        {"name": f"{place} {operator.name}", "ms": round(total - before, 5), "operations": operator.operations}
        for place, (operator, before, total) in enumerate(zip(operators, [0.0, *totals], totals, strict=False))
    ]


def onnx_operators(data: bytes, threads: int, batch: NDArray[np.uint8], runs: int = 200) -> list[dict[str, Any]]:
    """[{"name", "ms", "operations"}] of the graph as ONNX Runtime executes it, from its profiler."""
    events = _profile(data, threads, batch, runs, optimize=True)
    taken: dict[str, list[float]] = {}
    for event in events:
        taken.setdefault(_label(event), []).append(event["dur"] / 1e3)
    seen = {_label(event): event for event in events}
    return [
        {"name": name, "ms": round(float(np.median(ms)), 5), "operations": onnx_node_operations(seen[name]["args"])}
        for name, ms in taken.items()
    ]


def count_operations(runtime: str, data: bytes, batch: NDArray[np.uint8]) -> int | None:
    """Multiplications and additions of one inference, counted from the graph as it is stored; None if not countable."""
    if runtime == "litert":
        return sum(operator.operations for operator in read_operators(data))
    counts = [onnx_node_operations(event["args"]) for event in _profile(data, 1, batch, 1, optimize=False)]
    return sum(count for count in counts if count is not None) if None not in counts else None


def onnx_node_operations(node: Mapping[str, Any]) -> int | None:
    """Operations of one profiled node, from its shapes; None where the shape of its weights is unknown."""
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


def _lowest_medians(runs: Sequence[Callable[[], object]]) -> list[float]:
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


def _profile(data: bytes, threads: int, batch: NDArray[np.uint8], runs: int, *, optimize: bool) -> list[dict[str, Any]]:
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
            session.run(None, {name: batch})
        events = json.loads(Path(session.end_profiling()).read_text())
    return [event for event in events if event.get("cat") == "Node" and event["name"].endswith("_kernel_time")]


def _label(event: Mapping[str, Any]) -> str:
    return f"{event['args']['op_name']} {event['name'].removesuffix('_kernel_time')}"


def _shapes(entries: Sequence[Mapping[str, list[int]]]) -> list[list[int]]:
    return [shape for entry in entries for shape in entry.values()]
