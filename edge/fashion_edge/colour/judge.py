"""What the card says about a camera: channels in order, colour at all, a cast, a drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

from fashion_edge.colour.card import COLOURED, COLOURS
from fashion_edge.colour.measure import REFERENCE, Reading

GREY_CHROMA = 20.0  # of 255: coloured patches below this on average are grey
CAST = 0.12  # red or blue against green, on paper that is neutral
DRIFT = 0.05  # change of that between the first and the last fifth of what was seen
DARK, BRIGHT = 50.0, 252.0  # of the light grey patch
LIGHT = COLOURS["light grey"][0]
IS_COLOURED = np.array([name in COLOURED for name in COLOURS])
CHANNELS = ("blue", "green", "red")


@dataclass(frozen=True)
class Verdict:
    """One thing the card showed."""

    good: bool
    text: str


def judge(readings: Sequence[Reading]) -> list[Verdict]:
    """Judge what was read of the card over some time; the first reading is the oldest.

    A feed without colour, or with swapped channels, is not judged further: the rest would mean nothing.
    """
    middle = Reading(np.median([reading.patches for reading in readings], axis=0))
    if dark := _exposure(middle):
        return [dark]
    if _chroma(middle) < GREY_CHROMA:
        return [
            Verdict(good=False, text="the pictures are grey: no colour label means anything (night mode, infrared?)")
        ]
    order = _channel_order(middle)
    if order != (0, 1, 2):
        pairs = [f"{CHANNELS[i]} arrives as {CHANNELS[at]}" for i, at in enumerate(order) if i != at]
        return [Verdict(good=False, text=f"channels are swapped: {', '.join(pairs)}")]
    return [Verdict(good=True, text="red, green and blue arrive as such"), _cast(middle), *_drift(readings)]


def _exposure(reading: Reading) -> Verdict | None:
    if reading.light.max() < DARK:
        return Verdict(
            good=False, text=f"too dark to judge: light grey arrives as {reading.light.max():.0f}; more light"
        )
    if reading.light.min() > BRIGHT:
        return Verdict(good=False, text="too bright to judge: light grey is clipped; less light, or turn the card")
    return None


def _chroma(reading: Reading) -> float:
    coloured = _balanced(reading)[IS_COLOURED]
    return float((coloured.max(axis=1) - coloured.min(axis=1)).mean())


def _channel_order(reading: Reading) -> tuple[int, ...]:
    """The order of channels under which the coloured patches come nearest to what was printed."""
    measured = _balanced(reading)[IS_COLOURED]
    wanted = REFERENCE[IS_COLOURED]
    return min(permutations(range(3)), key=lambda order: float(np.abs(measured[:, list(order)] - wanted).mean()))


def _balanced(reading: Reading) -> NDArray[np.float64]:
    """Patches under a light that makes the grey one grey."""
    patches: NDArray[np.float64] = (reading.patches / np.maximum(reading.light, 1.0) * LIGHT).clip(0, 255)
    return patches


def _cast(reading: Reading) -> Verdict:
    red, blue = reading.balance
    figures = f"red {red:.2f}, blue {blue:.2f} of green"
    if max(abs(red - 1), abs(blue - 1)) <= CAST:
        return Verdict(good=True, text=f"white balance is neutral: {figures}")
    return Verdict(
        good=False, text=f"a colour cast: {figures} (within {CAST:g} of 1 is right); set --awb, or the light's mode"
    )


def _drift(readings: Sequence[Reading]) -> list[Verdict]:
    if len(readings) < 5:
        return []
    fifth = max(1, len(readings) // 5)
    first, last = (
        np.mean([reading.balance for reading in part], axis=0) for part in (readings[:fifth], readings[-fifth:])
    )
    change = float(np.abs(last / first - 1).max())
    if change <= DRIFT:
        return [
            Verdict(good=True, text=f"white balance holds still: {100 * change:.1f} % over {len(readings)} pictures")
        ]
    return [
        Verdict(good=False, text=f"white balance drifts: {100 * change:.0f} % over {len(readings)} pictures; lock it")
    ]
