"""The parity gate: how far a variant may be from Keras before the bundle is refused."""

from dataclasses import dataclass

from fashion_export.parity import Parity

MAX_FLIPS = 1.0  # percent of the label decisions
MAX_ACCURACY_DROP = 1.0  # points of exact match


@dataclass(frozen=True)
class Limits:
    """The gate's limits; one photo is always allowed unless a limit is 0, since a photo is the smallest step."""

    max_flips: float = MAX_FLIPS
    max_accuracy_drop: float = MAX_ACCURACY_DROP

    def verdict(self, name: str, parity: Parity) -> str | None:
        """One sentence on why a variant is refused, or None."""
        decisions = parity.photos * len(parity.flips_per_label)
        allowed = max(self.max_flips / 100 * decisions, 1 if self.max_flips else 0)
        if parity.flips > allowed:
            return (
                f"{name} flips {parity.flips} of {decisions} label decisions ({parity.flip_rate:.2%}), above the "
                f"{self.max_flips:g} % of --max-flips"
            )
        if parity.exact_match is None or parity.keras_exact_match is None:
            return None
        lost = round((parity.keras_exact_match - parity.exact_match) * parity.photos)  # whole photos
        if lost > max(self.max_accuracy_drop / 100 * parity.photos, 1 if self.max_accuracy_drop else 0):
            return (
                f"{name} has {parity.exact_match:.1%} exact match where Keras has {parity.keras_exact_match:.1%}, "
                f"a drop above the {self.max_accuracy_drop:g} points of --max-accuracy-drop"
            )
        return None
