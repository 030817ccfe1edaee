"""What an export made: everything the manifest, the report and the card are written from."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fashion_edge.decide import LabelSpace
from fashion_edge.golden import GoldenSet
from fashion_edge.thresholds import TunedThreshold
from fashion_export.calibration import Inputs
from fashion_export.parity import LayerError, Parity, too_few
from fashion_export.repair import Mending
from fashion_export.source import Source
from fashion_export.variants import Recipe


@dataclass(frozen=True)
class Artefact:
    """One variant: its bytes, and what the runtime of the device makes of them.

    `parity` is None where there is no held-out photo to compare on.
    """

    recipe: Recipe
    data: bytes
    scores: NDArray[np.float32]  # of the validation photos (n, labels)
    golden_scores: NDArray[np.float32]
    parity: Parity | None
    runtime: str  # name and version of what ran it
    min_runtime: str  # the oldest that reads it
    operators: dict[str, int]  # name and version -> how often


@dataclass(frozen=True)
class Outcome:
    """An export before it is written."""

    source: Source
    space: LabelSpace
    reference: NDArray[np.float32]  # Keras scores of the validation photos
    calibration: Inputs
    validation: Inputs
    artefacts: tuple[Artefact, ...]
    golden: GoldenSet
    provenance: dict[str, Any]
    mending: Mending
    tuned: tuple[TunedThreshold, ...]
    warnings: tuple[str, ...]
    stability: Parity | None  # two int8 files from disjoint halves of the calibration photos, compared
    failures: tuple[str, ...] = ()  # variants that did not convert, one sentence each
    refusals: tuple[str, ...] = ()  # of the gate
    blame: tuple[LayerError, ...] = field(default=())

    @property
    def verdict(self) -> str:
        """`proven`, `refused`, or `not proven` where there was no photo to compare on."""
        if self.refusals:
            return "refused"
        return "proven" if len(self.validation) else "not proven"

    @property
    def too_few(self) -> str | None:
        """What the gate could not tell, for want of photos."""
        return too_few(len(self.validation), len(self.space.labels))
