"""Tables of a flatbuffer written by slot number, for a schema that no installed package has classes for."""

from dataclasses import dataclass, field
from typing import Any

import flatbuffers


@dataclass(frozen=True)
class Byte:
    """An int8 or enum field."""

    value: int


@dataclass(frozen=True)
class UInt:
    """A uint32 field."""

    value: int


@dataclass(frozen=True)
class Table:
    """A table: slot number -> Byte, UInt, str, Table, list of Table, or list of float."""

    slots: dict[int, Any] = field(default_factory=dict)


def to_flatbuffer(root: Table, file_id: bytes) -> bytes:
    """The finished buffer."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(_table(builder, root), file_id)
    return bytes(builder.Output())


def _table(builder: Any, table: Table) -> int:
    """Children first, as flatbuffers wants it; the table's offset."""
    offsets = {slot: _child(builder, value) for slot, value in table.slots.items()}
    builder.StartObject(max(table.slots, default=-1) + 1)
    for slot, value in table.slots.items():
        if isinstance(value, Byte):
            builder.PrependInt8Slot(slot, value.value, 0)
        elif isinstance(value, UInt):
            builder.PrependUint32Slot(slot, value.value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(slot, offsets[slot], 0)
    return int(builder.EndObject())


def _child(builder: Any, value: Any) -> int:
    if isinstance(value, str):
        return int(builder.CreateString(value))
    if isinstance(value, Table):
        return _table(builder, value)
    if not isinstance(value, list):
        return 0
    if value and isinstance(value[0], float):
        builder.StartVector(4, len(value), 4)
        for number in reversed(value):
            builder.PrependFloat32(number)
        return int(builder.EndVector())
    offsets = [_table(builder, entry) for entry in value]
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
