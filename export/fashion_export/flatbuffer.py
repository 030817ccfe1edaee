"""TFLite files as object trees, and back to bytes whose tensors stay aligned.

The schema classes are those that LiteRT ships (`ai_edge_litert.schema_py_generated`).
"""

from typing import Any

import flatbuffers
import numpy as np

ALIGNMENT = 16  # bytes; schema.fbs: `data:[ubyte] (force_align: 16)`, which the Python classes forget
FILE_ID = b"TFL3"


class AlignedBuilder(flatbuffers.Builder):  # type: ignore[misc]
    """A builder that puts every byte vector on a 16-byte boundary: kernels load weights with aligned reads."""

    def CreateNumpyVector(self, x: Any) -> int:  # noqa: N802 - the base class's name
        """Write a one-dimensional array."""
        if x.dtype != np.uint8:
            offset: int = super().CreateNumpyVector(x)
            return offset
        self.StartVector(1, x.size, ALIGNMENT)
        self.head = int(self.Head() - x.size)
        self.Bytes[self.Head() : self.Head() + x.size] = x.tobytes()
        return int(self.EndVector())


def read_model(data: bytes) -> Any:
    """The `ModelT` object tree of a .tflite file."""
    from ai_edge_litert import schema_py_generated as schema

    return schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(bytearray(data), 0))


def write_model(model: Any) -> bytes:
    """The bytes of a `ModelT`."""
    builder = AlignedBuilder(1 << 16)
    builder.Finish(model.Pack(builder), FILE_ID)
    return bytes(builder.Output())


def add_tensor(graph: Any, name: bytes, kind: int, like: int) -> int:
    """A tensor without data in the shape of tensor `like`; its number."""
    from ai_edge_litert import schema_py_generated as schema

    tensor = schema.TensorT()
    tensor.name, tensor.type, tensor.buffer = name, kind, 0  # buffer 0 is the empty one
    tensor.shape = list(graph.tensors[like].shape)
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def builtin_of(code: Any) -> int:
    """The operator that an entry of `operatorCodes` stands for; files from before 2020 have it in the old field."""
    return int(max(code.builtinCode, code.deprecatedBuiltinCode))


def make_operator(model: Any, builtin: int, source: int, target: int) -> Any:
    """An operator from one tensor to another; its code, of version 1, is added where the file has none of it."""
    from ai_edge_litert import schema_py_generated as schema

    codes = [builtin_of(code) for code in model.operatorCodes]
    if builtin not in codes:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = builtin
        code.version = 1
        model.operatorCodes.append(code)
        codes.append(builtin)
    operator = schema.OperatorT()
    operator.opcodeIndex = codes.index(builtin)
    operator.inputs, operator.outputs = [source], [target]
    return operator
