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
