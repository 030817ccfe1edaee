"""Flatbuffers: read, edit and write the graph of a TFLite file, and write small tables."""

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

ALIGNMENT = 16  # bytes; schema.fbs: `data:[ubyte] (force_align: 16)`, which the Python classes ignore
FILE_ID = b"TFL3"


class AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """A builder that puts every byte vector on a 16-byte boundary: kernels load weights with aligned reads."""

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: N802 - the base class's name
        """Write a one-dimensional array."""
        if x.dtype != np.uint8:
            return int(super().CreateNumpyVector(x))
        self.StartVector(1, x.size, ALIGNMENT)
        self.head = int(self.Head() - x.size)
        self.Bytes[self.Head() : self.Head() + x.size] = x.tobytes()
        return int(self.EndVector())


def read_model(data: bytes) -> Any:
    """The `ModelT` object tree of a .tflite file."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(data), 0))


def write_model(model: Any) -> bytes:
    """The bytes of a `ModelT`."""
    builder = AlignedBuilder(1 << 16)
    builder.Finish(model.Pack(builder), FILE_ID)
    return bytes(builder.Output())


def write_table(slots: dict[int, Any], file_id: bytes) -> bytes:
    """A flatbuffer with one root table: slot number -> np.int8, np.uint32, str, table, list of tables or floats."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_add_table(builder, slots), file_id)
    return bytes(builder.Output())


def _add_table(builder: Any, slots: dict[int, Any]) -> int:
    """The table's offset; flatbuffers expects children first."""
    offsets = {slot: _add_child(builder, value) for slot, value in slots.items()}
    builder.StartObject(max(slots, default=-1) + 1)
    for slot, value in slots.items():
        if isinstance(value, np.int8):
            builder.PrependInt8Slot(slot, int(value), 0)
        elif isinstance(value, np.uint32):
            builder.PrependUint32Slot(slot, int(value), 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
    return int(builder.EndObject())


def _add_child(builder: Any, value: Any) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, dict):
        return _add_table(builder, value)
    if not isinstance(value, list):
        return 0
    numbers = isinstance(value[0], float)
    entries = value if numbers else [_add_table(builder, entry) for entry in value]
    builder.StartVector(4, len(entries), 4)
    for entry in reversed(entries):
        (builder.PrependFloat32 if numbers else builder.PrependUOffsetTRelative)(entry)
    return int(builder.EndVector())


def insert_cast(model: Any) -> None:
    """Make `model` (a `ModelT` with one float32 input) expect uint8: its old input becomes the output of a CAST."""
    graph = model.subgraphs[0]
    old = int(graph.inputs[0])
    graph.tensors[old].name = b"image/float"
    new = _add_tensor(graph, b"image", schema.TensorType.UINT8, old)
    graph.operators.insert(0, _make_operator(model, schema.BuiltinOperator.CAST, new, old))
    graph.inputs = [new]
    for signature in model.signatureDefs or ():
        for entry in signature.inputs:
            entry.tensorIndex = new


def split_quantize(data: bytes) -> bytes:
    """Quantize uint8 pixels via float: the same bits, five times as fast as the converter's one step.

    The converter starts with QUANTIZE from uint8 to int8, a shift by 128, for which the runtime multiplies and rounds
    each pixel separately. DEQUANTIZE and QUANTIZE via float have vector code in XNNPACK. A file that starts otherwise
    stays as it is.
    """
    model, builtin = read_model(data), schema.BuiltinOperator
    graph = model.subgraphs[0]
    first = graph.operators[0]
    source, target = int(first.inputs[0]), int(first.outputs[0])
    quantize = builtin_of(model.operatorCodes[first.opcodeIndex]) == builtin.QUANTIZE
    if not quantize or graph.tensors[source].type != schema.TensorType.UINT8:
        return data
    between = _add_tensor(graph, b"image/float", schema.TensorType.FLOAT32, source)
    graph.operators[:1] = [
        _make_operator(model, builtin.DEQUANTIZE, source, between),
        _make_operator(model, builtin.QUANTIZE, between, target),
    ]
    return write_model(model)


def builtin_of(code: Any) -> int:
    """The operator of an entry of `operatorCodes`; files from before 2020 have it in the old field."""
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def _add_tensor(graph: Any, name: bytes, kind: int, like: int) -> int:
    """The number of a new tensor without data, in the shape of tensor `like`."""
    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name, kind, 0  # buffer 0 is the empty one
    tensor.shape = list(graph.tensors[like].shape)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _make_operator(model: Any, builtin: int, source: int, target: int) -> Any:
    """An operator from one tensor to another; its code, of version 1, is added if the file lacks it."""
    codes = [builtin_of(code) for code in model.operatorCodes]
    if builtin not in codes:
        code = schema.OperatorCodeT()
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, builtin, 1
        model.operatorCodes.append(code)
        codes.append(builtin)
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = codes.index(builtin), [source], [target]
    return operator
