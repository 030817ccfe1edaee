"""The parity gate: how far a variant may be from Keras before the bundle is refused."""

from dataclasses import dataclass

from fashion_edge.wording import some
from fashion_export.parity import Parity

MAX_FLIPS = 1.0  # percent of the label decisions
MAX_ACCURACY_DROP = 1.0  # points of exact match
RULE_OF_THREE = 3  # n decisions without a flip leave it open, at 95 %, whether 3 in n flip
ENOUGH = RULE_OF_THREE * 100  # decisions; fewer cannot prove the 1 % of the gate


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


def too_few(photos: int, labels: int) -> str | None:
    """One sentence on what so few photos cannot tell, or None where they are enough, or none at all."""
    decisions = photos * labels
    if not 0 < decisions < ENOUGH:
        return None
    judge = "photo judges" if photos == 1 else "photos judge"
    return (
        f"{photos} held-out {judge} ({some(decisions, 'decision')}), too few to prove parity: even without a flip, "
        f"up to {min(1, RULE_OF_THREE / decisions):.1%} of all decisions may differ from Keras; "
        f"hold out {some(-(-ENOUGH // labels), 'photo')} or more"
    )
