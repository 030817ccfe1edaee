"""What a user may choose."""

from dataclasses import dataclass, field

from fashion_export.parity import Limits
from fashion_export.variants import STANDARD, Recipe


@dataclass(frozen=True)
class Options:
    """The choices of one export."""

    command: str  # as typed, for the report
    recipes: tuple[Recipe, ...] = STANDARD
    io: str = "uint8"  # ends of the int8 TFLite file
    any_batch: bool = False  # ONNX
    mend: bool = True
    tune: bool = True
    limits: Limits = field(default_factory=Limits)
    debug: bool = False
